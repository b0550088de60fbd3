"""The form of a connection as a browser sends it, and the shortest list a provider can answer with."""

KEY = "sk-CANARY-4711-aaaabbbb"
LIST_OF_NONE = {"object": "list", "data": [], "has_more": False}


def fields(url: str, **other: object) -> dict[str, object]:
    return {"name": "Prod EU", "dialect": "openai", "base_url": url, "api_key": KEY, **other}


def text(answer) -> str:
    return answer.content.decode()
