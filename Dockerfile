FROM python:3.11-slim-bookworm AS build
COPY requirements/runtime.txt /build/runtime.txt
RUN python -m venv /venv && /venv/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes -r /build/runtime.txt

FROM python:3.11-slim-bookworm
RUN useradd --system --uid 10001 --user-group --home-dir /data --no-create-home tunebell && install -d -o 10001 -g 10001 -m 0700 /data
COPY --from=build /venv /venv
WORKDIR /app
COPY . .
RUN /venv/bin/python -m compileall -q .
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 TUNEBELL_DATA_DIR=/data
USER 10001:10001
# Static files belong to the image, so that no service has to write any. The two keys are for this step only.
RUN SECRET_KEY=not-a-secret-only-for-the-static-files FIELD_ENCRYPTION_KEYS=build:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA= python manage.py prepare --static-only
EXPOSE 8000
CMD ["gunicorn", "dashboard.wsgi", "--bind", "0.0.0.0:8000"]
