"""Makes a token for a user, as the program that logs people in does. Needs nothing but Python.

    python3 token.py SECRET_FILE USER [SECONDS]
"""

import base64, hashlib, hmac, json, sys, time


def encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def token(secret: bytes, user: str, seconds: int) -> str:
    now = int(time.time())
    head = encoded(json.dumps({"alg": "HS256", "typ": "JWT"}).encode())
    claims = encoded(json.dumps({"sub": user, "iat": now, "exp": now + seconds}).encode())
    signature = hmac.new(secret, f"{head}.{claims}".encode(), hashlib.sha256).digest()
    return f"{head}.{claims}.{encoded(signature)}"


if __name__ == "__main__":
    # The line's end is no part of the secret.
    secret = open(sys.argv[1], "rb").read().rstrip(b"\r\n")
    print(token(secret, sys.argv[2], int(sys.argv[3]) if len(sys.argv) > 3 else 3600))
