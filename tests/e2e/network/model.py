"""The stream with which Anthropic's Messages API answers, docs.claude.com/en/api/messages-streaming."""

import json

ANSWER = "Nothing to do."


def answer(question):
    """The response's type and body for the JSON of a question."""
    message = {"id": "msg_1", "type": "message", "role": "assistant", "model": question.get("model"),
               "content": [], "stop_reason": None, "stop_sequence": None,
               "usage": {"input_tokens": 1, "output_tokens": 1}}
    text = {"type": "text", "text": ANSWER}
    if not question.get("stream"):
        whole = message | {"content": [text], "stop_reason": "end_turn"}
        return "application/json", json.dumps(whole).encode()
    events = [
        {"type": "message_start", "message": message},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": ANSWER}},
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn", "stop_sequence": None},
         "usage": {"output_tokens": 1}},
        {"type": "message_stop"},
    ]
    lines = (f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in events)
    return "text/event-stream", "".join(lines).encode()
