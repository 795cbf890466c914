"""Stores sends as the Go service does: its documents, as its driver makes them.

    go_service.py URL DATABASE

Each line of its input is one of these, as JSON:

    { "from", "to", "message" }             a message from one member to another
    { "group", "members", "message" }       a message to a group
    { "lost": KEY }                         a sequence that was counted and never stored
"""

import json
import sys
from collections import Counter

from bson.int64 import Int64
from pymongo import MongoClient

url, name = sys.argv[1:3]
database = MongoClient(url)[name]
# INCR of Redis.
counters = Counter()


def count(key):
    counters[key] += 1
    return counters[key]


def document(key, message):
    # An empty message is left out, as are all empty fields.
    fields = {"id": key, "seq": Int64(count(key)), "message": message}
    return {field: value for field, value in fields.items() if value}


for line in sys.stdin:
    # The service decodes messages into maps, in which each number is a double.
    send = json.loads(line, parse_int=float)
    if "lost" in send:
        count(send["lost"])
        continue
    message = send["message"]
    if "group" in send:
        database.chat_history.insert_one(document(f"seq:group:{send['group']}", message))
        database.chat_sync.insert_many([document(member, message) for member in send["members"]])
        continue
    smaller, larger = sorted([send["from"], send["to"]], key=lambda member: member.encode())
    database.chat_history.insert_one(document(f"seq:{smaller}:{larger}", message))
    for member in (send["from"], send["to"]):
        database.chat_sync.insert_one(document(member, message))
