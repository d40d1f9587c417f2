"""What the OpenAPI document says of routes whose bodies and parameters are read by hand, with examples."""

from typing import Any

from paraclap.service.options import Options

PROBLEM: dict[str, Any] = {
    "type": "object",
    "required": ["type", "title", "status", "detail", "error", "request_id"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "One sentence: what was found, what is expected, what to do."},
        "error": {"type": "string", "description": "The library's class of the error, or RequestError."},
        "request_id": {"type": "string"},
    },
    "example": {
        "type": "about:blank",
        "title": "Unprocessable Content",
        "status": 422,
        "detail": "found neither 'query' nor 'task'; expected one of both, such as query=an angry man",
        "error": "RequestError",
        "request_id": "0b5e0f9c0c3b4c6f8f2f9f6f3c1d2e4a",
    },
}
PROBLEM_RESPONSES: dict[int | str, dict[str, Any]] = {
    "default": {"description": "A problem (RFC 9457)", "content": {"application/problem+json": {"schema": PROBLEM}}}
}

_CLIP = {"file": "call.wav", "start": 0.0, "end": 3.0}
_SHARES = {"an angry man": 0.91, "a calm woman": 0.09}
_COSINES = {"an angry man": 0.21, "a calm woman": 0.11}
EXAMPLES: dict[str, dict[str, Any]] = {
    "classify": {"answers": [{**_CLIP, "similarity": _COSINES, "probability": _SHARES, "best": "an angry man"}]},
    "embed_audio": {"fingerprint": "9c1e", "embeddings": [{**_CLIP, "embedding": [0.6, 0.8]}]},
    "embed_text": {"fingerprint": "9c1e", "embeddings": [{"text": "an angry man", "embedding": [0.6, 0.8]}]},
    "timeline": {
        "file": "interview.wav",
        "duration": 61.2,
        "segments": [{"file": "interview.wav", "start": 0.4, "end": 9.7, "class": "neutral", "probability": 0.41}],
        "empty": None,
        "speech": [[0.4, 9.7]],
        "curves": None,
    },
    "describe": {
        "profiles": [
            {
                **_CLIP,
                "sentence": "Probably a woman.",
                "said": [{"attribute": "gender", "level": "female", "probability": 0.8, "hedge": "probably"}],
                "answers": {
                    "gender": {
                        "best": "female",
                        "is_unknown": False,
                        "probability": {"female": 0.8, "male": 0.2},
                        "similarity": {"female": 0.3, "male": 0.1},
                    }
                },
                "measured": [],
                "measured_by": None,
                "reason": "",
            }
        ]
    },
    "search": {
        "hits": [
            {"rank": 1, "id": "kZ3fPq", "file": "2024/anna.wav", "start": 0.0, "end": 3.2, "similarity": 0.31},
        ]
    },
}


def describe_answer(name: str) -> dict[str, Any]:
    """Return the example of an answer, for `openapi_extra`."""
    example = {"version": 1, "model": "paraclap-mini", **EXAMPLES[name]}
    content = {"application/json": {"schema": {"type": "object"}, "example": example}}
    return {"responses": {"200": {"description": "The answer", "content": content}}}


def describe_operation(name: str, options: type[Options], *, has_audio: bool) -> dict[str, Any]:
    """Return parameters, body and example of a route, for `openapi_extra`.

    Args:
        name: of the example.
        options: that the route takes.
        has_audio: whether its body is a form, or a file.
    """
    schema = options.model_json_schema()
    properties = schema.get("properties", {})
    required = schema.get("required", [])
    operation: dict[str, Any] = {
        "parameters": [
            {
                "name": field,
                "in": "query",
                "required": field in required,
                "description": rule.get("description", ""),
                "schema": {key: value for key, value in rule.items() if key not in ("description", "title")},
            }
            for field, rule in properties.items()
        ],
        **describe_answer(name),
    }
    if has_audio:
        file = {"type": "string", "format": "binary", "description": "wav, flac, ogg, opus, mp3, m4a, mp4 or webm."}
        form = {"type": "object", "required": ["file"], "properties": {"file": file, **properties}}
        raw = {"schema": {"type": "string", "format": "binary"}}
        operation["requestBody"] = {
            "required": True,
            "content": {"multipart/form-data": {"schema": form}, "application/octet-stream": raw, "audio/*": raw},
        }
    return operation
