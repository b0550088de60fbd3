"""Job objects that fill every leaf of the published schema with a value of its own."""

import itertools
from collections import defaultdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

SPEC = Path(__file__).resolve().parents[3] / "shared" / "spec" / "openai-finetuning.yaml"
TIMES = {"created_at", "finished_at", "estimated_finish"}
EPOCH = 1_890_000_000  # in the future, so that an estimate is still one


class Filler:
    """Makes documents; each union takes its next alternative every time it is met.

    `leaves` of a document: (path, text to be found on the page), `seen`: all paths so far.
    """

    def __init__(self, spec: Path = SPEC) -> None:
        self.schemas = yaml.safe_load(spec.read_text())["components"]["schemas"]
        self.serial = itertools.count(1)
        self.turns: dict[str, Any] = defaultdict(itertools.count)
        self.leaves: list[tuple[str, str]] = []
        self.seen: set[str] = set()

    def job(self, method: str) -> tuple[dict[str, Any], list[tuple[str, str]]]:
        self.leaves = []
        job = self._object(self.schemas["FineTuningJob"], "job", only=method)
        self.seen |= {path for path, _ in self.leaves}
        return job, self.leaves

    def _value(self, schema: Any, path: str) -> Any:
        schema = self._resolved(schema)
        if union := [each for each in self._alternatives(schema) if not self._is_null(each)]:
            number = next(self.turns[path]) % len(union)
            return self._value(union[number], f"{path}|{number}" if len(union) > 1 else path)
        if "properties" in schema:
            return self._object(schema, path)
        if schema.get("type") == "array":
            return self._list(schema["items"], path)
        return self._leaf(schema, path)

    def _object(self, schema: Any, path: str, only: str | None = None) -> dict[str, Any]:
        made = {}
        for name, member in schema["properties"].items():
            if name == "method" and only:
                made[name] = self._method(member, only)
            else:
                made[name] = self._value(member, f"{path}.{name}")
        return made

    def _method(self, schema: Any, method: str) -> dict[str, Any]:
        block = self._resolved(self._resolved(schema)["properties"][method])
        self.leaves.append(("job.method.type", method))
        return {"type": method, method: self._object(block, f"job.method.{method}")}

    def _list(self, items: Any, path: str) -> list[Any]:
        """One element for each alternative."""
        resolved = self._resolved(items)
        union = self._alternatives(resolved) or [resolved]
        return [self._value(each, f"{path}[{number}]") for number, each in enumerate(union)]

    def _leaf(self, schema: Any, path: str) -> Any:
        name, serial = path.rpartition(".")[2].partition("|")[0], next(self.serial)
        if schema.get("enum"):
            value = schema["enum"][serial % len(schema["enum"])]
            return self._noted(path, value, str(value))
        if name in TIMES:
            moment = datetime.fromtimestamp(EPOCH + serial * 60, UTC)
            return self._noted(path, EPOCH + serial * 60, moment.strftime("%Y-%m-%dT%H:%M"))
        if name == "metadata":
            self._noted(path, None, f"key{serial}")
            return {f"key{serial}": self._noted(path, f"leaf{serial}x", f"leaf{serial}x")}
        return self._plain(schema, path, serial)

    def _plain(self, schema: Any, path: str, serial: int) -> Any:
        kind = schema.get("type")
        if kind == "string":
            return self._noted(path, f"leaf{serial}x", f"leaf{serial}x")
        if kind == "integer":
            top = schema.get("maximum")
            value = top - serial % (top // 2) if top else 1_000_000 + serial
            return self._noted(path, value, str(value))
        assert kind == "number", (path, schema)
        value = round(1 + serial / 10_000, 4)
        return self._noted(path, value, str(value))

    def _noted(self, path: str, value: Any, shown: str) -> Any:
        self.leaves.append((path, shown))
        return value

    def _resolved(self, schema: Any) -> Any:
        while "$ref" in schema:
            schema = self.schemas[schema["$ref"].rpartition("/")[2]]
        return schema

    def _alternatives(self, schema: Any) -> list[Any]:
        return list(schema.get("anyOf") or schema.get("oneOf") or [])

    def _is_null(self, schema: Any) -> bool:
        return self._resolved(schema).get("type") == "null"
