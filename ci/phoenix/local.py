"""Starts Phoenix on loopback only, without its assistant, sandboxes and telemetry.

Phoenix binds its gRPC port to all interfaces and has no option for it, so the call that binds is replaced."""
import os
import sys

os.environ.setdefault("PHOENIX_HOST", "127.0.0.1")
for name in ("PHOENIX_DISABLE_AGENT_ASSISTANT", "PHOENIX_AGENTS_DISABLE_BASH", "PHOENIX_AGENTS_DISABLE_WEB_ACCESS",
             "PHOENIX_AGENTS_DISABLE_GITHUB"):
    os.environ.setdefault(name, "true")
for name in ("PHOENIX_TELEMETRY_ENABLED", "PHOENIX_ALLOW_EXTERNAL_RESOURCES", "PHOENIX_ENABLE_MCP_SERVER"):
    os.environ.setdefault(name, "false")
os.environ.setdefault("PHOENIX_ALLOWED_SANDBOX_PROVIDERS", "NONE")

import grpc.aio

make_server = grpc.aio.server


def server(*args, **kwargs):
    made = make_server(*args, **kwargs)
    bind = made.add_insecure_port
    made.add_insecure_port = lambda address: bind(address.replace("[::]", "127.0.0.1"))
    return made


grpc.aio.server = server
from phoenix.server.main import main

sys.argv = ["phoenix", "serve"]
main()
