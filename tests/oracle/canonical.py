"""RFC 8785 with Python's own json: reads a list of documents from stdin, prints the list of their canonical texts."""

import json
import sys


def in_order(value):
    if isinstance(value, dict):
        # RFC 8785 3.2.3: by UTF-16 code units, which big-endian bytes compare as.
        return {key: in_order(value[key]) for key in sorted(value, key=lambda key: key.encode("utf-16-be"))}
    if isinstance(value, list):
        return [in_order(item) for item in value]
    return value


def canonical(value):
    return json.dumps(in_order(value), ensure_ascii=False, separators=(",", ":"), allow_nan=False)


if __name__ == "__main__":
    sys.stdin.reconfigure(encoding="utf-8")
    json.dump([canonical(document) for document in json.load(sys.stdin)], sys.stdout)
