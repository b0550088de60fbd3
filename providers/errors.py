"""What a provider can answer instead of what was asked; each error carries the decision.

ProviderError
├── KeyRejected           401: wrong or revoked key
├── Forbidden             403: the key lacks one capability
│   └── TrainingNotAvailable   the organisation may not create jobs any more
├── Missing               404
├── Conflict              409
├── RateLimited           429: too fast
├── QuotaExhausted        429 insufficient_quota: never heals by retrying
├── BadRequest            400, 422 and every other 4xx
├── ServerTrouble         5xx
├── Unreachable           DNS, connect, TLS, reset, time-out
├── Blocked               our own guard refused the address
├── Redirected            3xx: a wrong base URL
├── NotReadable           200 with HTML, nothing, no object, or another id
│   └── TooLarge               more bytes than are taken
└── OutcomeUnknown        an action was sent, and nobody said whether it was done
"""


class ProviderError(Exception):
    """The provider gave no usable answer.

    `message`: for people, secrets taken out. `retry_after`: seconds the provider asked for, at
    most an hour. `retryable`: whether the next poll may simply try again.
    """

    retryable = False

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        code: str | None = None,
        request_id: str | None = None,
        retry_after: float | None = None,
        retryable: bool | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.code = code
        self.request_id = request_id
        self.retry_after = retry_after
        if retryable is not None:
            self.retryable = retryable


class KeyRejected(ProviderError):
    """The provider does not accept the key."""


class Forbidden(ProviderError):
    """The key may not do this. `capability`: jobs, events, checkpoints, files, models or limits."""

    capability: str = "jobs"


class TrainingNotAvailable(Forbidden):
    """The organisation may not create fine-tuning jobs any more."""


class Missing(ProviderError):
    """The provider does not know this id."""


class Conflict(ProviderError):
    """The request conflicts with the state of the job."""

    retryable = True


class RateLimited(ProviderError):
    """Too many requests."""

    retryable = True


class QuotaExhausted(ProviderError):
    """The account is out of credit."""


class BadRequest(ProviderError):
    """The provider does not understand the request."""


class ServerTrouble(ProviderError):
    """The provider has trouble of its own."""

    retryable = True


class Unreachable(ProviderError):
    """The provider cannot be reached."""

    retryable = True


class Blocked(ProviderError):
    """The address of the provider is not allowed."""


class Redirected(ProviderError):
    """The provider redirects; the base URL is probably wrong."""


class NotReadable(ProviderError):
    """The answer is not what this API answers."""

    retryable = True


class TooLarge(NotReadable):
    """The answer has more bytes than are taken."""


class OutcomeUnknown(ProviderError):
    """The action was sent, but the provider did not say whether it was done.

    Look at the job before trying again.
    """
