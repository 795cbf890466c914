#!/usr/bin/env python3
"""A client of a tidings server, made of its /openapi.json alone.

    from client import Client
    alice = Client("http://localhost:8000", token="eyJhbGciOi...")
    alice.send(to="bob", message={"text": "hello"})
    for name, data in alice.watch(last_read=0):
        print(name, data)

Each operation of the document is a method, called by its operationId. Its arguments are the
parameters of the operation and the fields of its body, by their names. An answer is its JSON, or
its text; a stream of events is an iterator of names and data. A call that fails raises Failed with
the status and the body. It needs nothing but the standard library.
"""

import json
import sys
import urllib.error
import urllib.parse
import urllib.request


class Failed(Exception):
    """A call was answered with an error."""

    def __init__(self, status, problem):
        super().__init__(f"{status}: {problem}")
        self.status, self.problem = status, problem


class Client:
    """The operations of a server, as whoever the token names."""

    def __init__(self, url, token=None, timeout=30):
        self._url, self._token, self._timeout = url.rstrip("/"), token, timeout
        self.document = json.loads(self._open("GET", "/openapi.json").read())
        for path, item in self.document["paths"].items():
            for method, operation in item.items():
                call = self._call(method.upper(), path, operation)
                call.__name__ = operation["operationId"]
                call.__doc__ = operation.get("description")
                setattr(self, operation["operationId"], call)

    def _call(self, method, path, operation):
        places = {one["name"]: one for one in operation.get("parameters", [])}
        fields = self._fields(operation)

        def call(**arguments):
            # `from` and `with` are words of Python; they may be written as `from_` and `with_`.
            arguments = {name.removesuffix("_"): value for name, value in arguments.items()}
            unknown = [name for name in arguments if name not in places and name not in fields]
            if unknown:
                raise TypeError(f"{operation['operationId']} takes no {', '.join(unknown)}")
            missing = [name for name, one in places.items() if one["required"] and name not in arguments]
            if missing:
                raise TypeError(f"{operation['operationId']} needs {', '.join(missing)}")
            target, query, headers = path, [], {}
            for name, one in places.items():
                value = arguments.get(name)
                if value is None:
                    continue
                if one["in"] == "path":
                    target = target.replace("{" + name + "}", urllib.parse.quote(_text(value), safe=""))
                elif one["in"] == "query":
                    values = value if isinstance(value, (list, tuple)) else [value]
                    query += [(name, _text(each)) for each in values]
                else:
                    headers[name] = _text(value)
            if query:
                target += "?" + urllib.parse.urlencode(query)
            body = None
            if "requestBody" in operation:
                body = {name: value for name, value in arguments.items() if name in fields}
            return self._answer(self._open(method, target, headers, body))

        return call

    def _fields(self, operation):
        """The fields of the body of an operation."""
        content = operation.get("requestBody", {}).get("content", {})
        schema = content.get("application/json", {}).get("schema", {})
        if "$ref" in schema:
            path, schema = schema["$ref"].removeprefix("#/").split("/"), self.document
            for name in path:
                schema = schema[name]
        return schema.get("properties", {})

    def _open(self, method, target, headers=None, body=None):
        request = urllib.request.Request(self._url + target, method=method, headers=headers or {})
        if self._token is not None:
            request.add_header("Authorization", "Bearer " + self._token)
        if method == "POST":
            # A POST without a body still has a length, which is 0.
            request.data = b"" if body is None else json.dumps(body).encode()
            request.add_header("Content-Type", "application/json")
        try:
            return urllib.request.urlopen(request, timeout=self._timeout)
        except urllib.error.HTTPError as error:
            text = error.read().decode()
            raise Failed(error.code, json.loads(text) if _is_json(error) else text) from None

    @staticmethod
    def _answer(answer):
        if answer.headers.get_content_type() == "text/event-stream":
            return _events(answer)
        with answer:
            text = answer.read().decode()
        return json.loads(text) if _is_json(answer) else text


def _is_json(answer):
    return answer.headers.get_content_type() == "application/json"


def _text(value):
    """A value as a query and a path have it."""
    return json.dumps(value) if isinstance(value, bool) else str(value)


def _events(answer):
    """The events of a stream: their names and their data."""
    with answer:
        name, data = "message", []
        for line in answer:
            line = line.decode().rstrip("\r\n")
            field, _, value = line.partition(":")
            if field == "event":
                name = value.strip()
            elif field == "data":
                data.append(value.removeprefix(" "))
            elif not line and data:
                yield name, json.loads("\n".join(data))
                name, data = "message", []


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit("usage: client.py URL OPERATION [NAME=JSON ...], with the token in the input if there is one")
    token = None if sys.stdin.isatty() else sys.stdin.read().strip() or None
    arguments = dict(argument.split("=", 1) for argument in sys.argv[3:])
    call = getattr(Client(sys.argv[1], token), sys.argv[2])
    print(json.dumps(call(**{name: json.loads(value) for name, value in arguments.items()}), indent=2))
