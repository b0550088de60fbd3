"""What can go wrong on the way out.

OutboundError
├── Blocked      the guard refused the URL or its address; nothing was sent
├── Unreachable  reset, or an answer that broke off
│   ├── Unresolved      the name has no address
│   ├── Refused         nothing listens there, or no way leads there
│   ├── NotTls          what listens there speaks no TLS
│   └── BadCertificate  it does, with a certificate that is not valid for the name
├── TimedOut     connect, read or the whole answer took too long
├── TooLarge     more bytes than asked for, counted after decompression
└── Redirected   3xx; it is never followed
"""


class OutboundError(Exception):
    """A request that gave no complete answer.

    `message` is one sentence for people, with neither secrets nor bodies. `maybe_sent` is True
    when bytes of the request may have reached the server, so a POST must not be repeated blindly.
    """

    def __init__(self, message: str, *, maybe_sent: bool = False) -> None:
        super().__init__(message)
        self.message = message
        self.maybe_sent = maybe_sent


class Blocked(OutboundError):
    """The URL or the address behind it is not allowed."""


class Unreachable(OutboundError):
    """The server could not be reached, or its answer broke off."""


class Unresolved(Unreachable):
    """The name has no address."""


class Refused(Unreachable):
    """Nothing listens there, or no way leads there."""


class NotTls(Unreachable):
    """What listens there does not speak TLS."""


class BadCertificate(Unreachable):
    """The certificate is not valid for the name."""


class TimedOut(OutboundError):
    """The server took too long."""


class TooLarge(OutboundError):
    """The answer is larger than allowed."""


class Redirected(OutboundError):
    """The server answered with a redirect, which is never followed."""
