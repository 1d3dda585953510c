"""An SMTP server for tests: Debian's aiosmtpd, with TLS and a login.

Usage: smtpd.py CERTIFICATE KEY starttls|tls CODES

Prints the port, then a line of JSON for each mail it took, as Python's own parser reads it. CODES is
what it answers to the first mails instead of taking them, with commas; `-` for none.
"""

import asyncio
import email
import email.policy
import json
import logging
import ssl
import sys
import warnings

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

logging.disable()
warnings.simplefilter("ignore")
certificate, key, mode, codes = sys.argv[1:]
trouble = [] if codes == "-" else codes.split(",")
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(certificate, key)


def say(value):
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


class Handler:
    async def handle_DATA(self, server, session, envelope):
        if trouble:
            return trouble.pop(0) + " made up"
        message = email.message_from_bytes(envelope.content, policy=email.policy.strict)
        part = lambda kind: message.get_body((kind,)).get_content()
        say({
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "tls": session.ssl is not None or mode == "tls",
            "headers": [[name, str(value)] for name, value in message.items()],
            "text": part("plain"),
            "html": part("html"),
        })
        return "250 OK"


def login(server, session, envelope, mechanism, data):
    right = isinstance(data, LoginPassword) and (data.login, data.password) == (b"gatewatch", b"made-up")
    return AuthResult(success=right, handled=False)


def session():
    secured = {"tls_context": context, "require_starttls": True} if mode == "starttls" else {}
    return SMTP(
        Handler(), authenticator=login, auth_required=True, auth_require_tls=mode == "starttls",
        data_size_limit=1 << 20, enable_SMTPUTF8=False, hostname="localhost", **secured,
    )


async def main():
    loop = asyncio.get_running_loop()
    server = await loop.create_server(session, "127.0.0.1", 0, ssl=context if mode == "tls" else None)
    say(server.sockets[0].getsockname()[1])
    await server.serve_forever()


asyncio.run(main())
