"""Two users talk, by a client that knows nothing but the document of the server.

Arguments: the client, the address of the server, and the tokens of alice and bob, if it has logins.
"""

import importlib.util
import json
import sys

spec = importlib.util.spec_from_file_location("client", sys.argv[1])
client = importlib.util.module_from_spec(spec)
spec.loader.exec_module(client)
url, tokens = sys.argv[2], sys.argv[3:]


class User:
    """A user; without tokens they say in each call who they are."""

    def __init__(self, name, token):
        self.name, self.calls = name, client.Client(url, token)

    def __getattr__(self, operation):
        return getattr(self.calls, operation)

    def me(self, field="member"):
        return {} if tokens else {field: self.name}


def same(found, expected):
    assert found == expected, f"{found!r} is not {expected!r}"


alice = User("alice", tokens[0] if tokens else None)
bob = User("bob", tokens[1] if tokens else None)

# Send, sync, history.
sent = alice.send(to="bob", message={"text": "helo"}, messageId="one", **alice.me("from"))
same((sent["sequence"], sent["place"]), ("1", "1"))
inbox = bob.sync(**bob.me())
same(inbox["latestSeq"], "1")
entry = inbox["entrySet"][0]
same((entry["from"], entry["kind"], json.loads(entry["message"])), ("alice", "MESSAGE", {"text": "helo"}))
history = alice.singleHistory(from_="alice", to="bob", backward=True)
same([one["sequence"] for one in history["entrySet"]], ["1"])

# Edit.
edited = alice.edit(with_="bob", place=1, message={"text": "hello"}, **alice.me())
same(edited["place"], "2")
first = bob.singleHistory(from_="bob", to="alice")["entrySet"][0]
same((first["status"], json.loads(first["message"])), ("EDITED", {"text": "hello"}))

# Unread, read, and who has read.
same(bob.unread(with_="alice", **bob.me())["unread"], 1)
same([one["with"] for one in bob.listUnread(**bob.me())["conversations"]], ["alice"])
same(bob.read(with_="alice", sequence="2", **bob.me())["read"], "2")
same(bob.unread(with_="alice", **bob.me())["unread"], 0)
cursors = alice.readOf(with_="bob", members=["bob"], **alice.me())["cursors"]
same(cursors, [{"member": "bob", "read": "2"}])

# Recall.
same(alice.recall(with_="bob", place=1, **alice.me())["place"], "3")
first = bob.singleHistory(from_="bob", to="alice")["entrySet"][0]
same((first["status"], first["kind"], first["message"]), ("RECALLED", "TOMBSTONE", "{}"))

# A group.
group = alice.createGroup(group="tea", title="Tea", members=["bob"], **alice.me("owner"))
same((group["name"], group["members"]), ("tea", 2))
same([one["name"] for one in bob.listGroups(**bob.me())["groups"]], ["tea"])
to = {} if tokens else {"groupMembers": ["alice", "bob"]}
told = alice.sendGroup(groupName="tea", message={"text": "tea?"}, **to, **alice.me("from"))
same((told["place"], told["failedMembers"]), ("1", []))
same(len(bob.groupHistory(group="tea")["entrySet"]), 1)
roles = {one["member"]: one["role"] for one in alice.getGroup(group="tea")["members"]}
same(roles, {"alice": "OWNER", "bob": "MEMBER"})

# The list of conversations.
listed = bob.conversations(**bob.me())["conversations"]
same([(one["with"], one["group"], one["unread"]) for one in listed], [("", "tea", 1), ("alice", "", 0)])
same(json.loads(listed[0]["last"]["message"]), {"text": "tea?"})

# Watch: what is there, and what comes.
seen, events = [], bob.watch(last_read=0, **bob.me())
for name, data in events:
    if name == "read":
        continue
    same(name, "entries")
    seen += [one["sequence"] for one in data["entrySet"]]
    if len(seen) == int(data["latestSeq"]) == 4:
        alice.send(to="bob", message={"text": "now"}, **alice.me("from"))
    if len(seen) == 5:
        same(json.loads(data["entrySet"][-1]["message"]), {"text": "now"})
        break
same(seen, ["1", "2", "3", "4", "5"])
events.close()

# What the document does not have, the client does not take; what the server refuses is told.
try:
    alice.sync(members="bob")
    raise AssertionError("sync took a parameter that it does not have")
except TypeError:
    pass
try:
    bob.edit(with_="alice", place=99, message={}, **bob.me())
    raise AssertionError("a message that is not there was edited")
except client.Failed as failed:
    same((failed.status, failed.problem["reason"]), (404, "TIMELINE_NOT_FOUND"))
if tokens:
    for asking, arguments, status in [(bob, {"member": "alice"}, 403), (client.Client(url), {}, 401)]:
        try:
            asking.sync(**arguments)
            raise AssertionError("somebody read what is not theirs")
        except client.Failed as failed:
            same(failed.status, status)
same(alice.presenceOf(id="bob")["id"], "bob")
same(alice.healthz(), "ok\n")
print("all is well")
