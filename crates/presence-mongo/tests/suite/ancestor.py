"""Pings and watches as the original did, in both of its layouts.

    ancestor.py URL DATABASE BASE UUID PERIOD        UUID is "-" for the layout without models

Each line of its input is a command, answered by one line:

    start KEY | stop KEY | kill KEY      done
    alive KEY                            true or false, by a read that is made now
"""

import calendar
import sys
import threading
import time

from bson.int64 import Int64
from pymongo import MongoClient, ReturnDocument
from pymongo.errors import DuplicateKeyError

url, database, base, uuid, period = sys.argv[1:6]
period = int(period)
database = MongoClient(url)[database]
seqs, beings, pings = (database[f"{base}.{part}"] for part in ("seqs", "beings", "pings"))
models = uuid != "-"
lock = threading.Lock()
running = {}


def id_of(number):
    return f"{uuid}:{number}" if models else Int64(number)


def time_slot():
    now = calendar.timegm(database.command("hello")["localTime"].timetuple())
    return now - now % period


def field(seq):
    return f"{seq // 63:x}", Int64(1 << seq % 63)


def upsert(slot, change):
    if models:
        change = {"$set": {"slot": Int64(slot)}, **change}
    while True:
        try:
            pings.update_one({"_id": id_of(slot)}, change, upsert=True)
            return
        except DuplicateKeyError:
            pass


class Pinger:
    def __init__(self, key):
        counter = f"{uuid}:beings" if models else "beings"
        found = seqs.find_one_and_update(
            {"_id": counter},
            {"$inc": {"seq": Int64(1)}},
            upsert=True,
            return_document=ReturnDocument.AFTER,
        )
        self.seq = int(found["seq"])
        being = {"_id": id_of(self.seq), "key": key}
        if models:
            being["seq"] = Int64(self.seq)
        beings.insert_one(being)
        self.last_slot = 0

    def ping(self):
        slot = time_slot()
        if slot == self.last_slot:
            return
        self.last_slot = slot
        word, bit = field(self.seq)
        upsert(slot, {"$inc": {f"alive.{word}": bit}})

    def kill(self):
        word, bit = field(self.seq)
        if self.last_slot:
            upsert(self.last_slot, {"$inc": {f"dead.{word}": bit}})
        else:
            upsert(time_slot(), {"$inc": {f"alive.{word}": bit, f"dead.{word}": bit}})


def ping_for_ever():
    while True:
        with lock:
            for pinger in running.values():
                pinger.ping()
        time.sleep(int((period + 1) * 0.75) or 1)


def sequences(slots, kind):
    found = set()
    for slot in slots:
        for word, value in slot.get(kind, {}).items():
            bit = 0
            while value > 0:
                if value & 1:
                    found.add(int(word, 16) * 63 + bit)
                value >>= 1
                bit += 1
    return found


def is_alive(key):
    slot = time_slot()
    slots = list(pings.find({"$or": [{"_id": id_of(slot)}, {"_id": id_of(slot - period)}]}))
    alive, dead = sequences(slots, "alive"), sequences(slots, "dead")
    known = {}
    for seq in alive:
        being = beings.find_one({"_id": id_of(seq)})
        if being and known.get(being["key"], 0) < seq:
            known[being["key"]] = seq
    return key in known and known[key] not in dead


def run(command, key):
    if command == "alive":
        return "true" if is_alive(key) else "false"
    with lock:
        if command == "start":
            running[key] = Pinger(key)
            running[key].ping()
        elif command == "stop":
            running.pop(key)
        elif command == "kill":
            (running.pop(key, None) or Pinger(key)).kill()
        else:
            raise ValueError(command)
    return "done"


threading.Thread(target=ping_for_ever, daemon=True).start()
for line in sys.stdin:
    command, key = line.rstrip("\n").split(" ", 1)
    print(run(command, key), flush=True)
