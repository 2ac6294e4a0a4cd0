"""The messages of Chakra execution traces, built for the protobuf library: MLCommons Chakra, et_def.proto.

A file is a sequence of messages, each behind its length as a varint: one GlobalMetadata, then Nodes. It may be gzipped.
What matters to us lies in named attributes. The messages live in a pool of their own, so that the `chakra` package can
be imported beside them. Fields of later versions of the schema are skipped by the library.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any

from symarch.errors import ModelError, SymarchError

NODE_TYPES = ("INVALID_NODE", "METADATA_NODE", "MEM_LOAD_NODE", "MEM_STORE_NODE", "COMP_NODE", "COMM_SEND_NODE",
              "COMM_RECV_NODE", "COMM_COLL_NODE", "STORAGE_NODE", "BATCH_NODE", "CHECKPOINT_NODE")  # fmt: skip
COMM_TYPES = ("all_reduce", "reduce", "all_gather", "gather", "scatter", "broadcast", "all_to_all", "reduce_scatter",
              "reduce_scatter", "barrier")  # fmt: skip
"""What the numbers of CollectiveCommType mean here; 8 is a reduce-scatter of one block."""

_SCALARS = ("double", "float", "int32", "int64", "uint32", "uint64", "sint32", "sint64", "fixed32", "fixed64",
            "sfixed32", "sfixed64", "bool", "string", "bytes")  # fmt: skip
"""Types of an attribute's value, in the order of their field numbers: 3, 5 ... single, 4, 6 ... lists."""

LARGEST = 2**31
"""Bytes of the largest trace once unpacked."""


@cache
def messages() -> tuple[type[Any], type[Any]]:
    """Return the message classes GlobalMetadata and Node. Raises SymarchError if protobuf is not installed."""
    try:
        from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
    except ImportError:
        raise SymarchError("Chakra traces need protobuf: pip install 'symarch[chakra]'") from None
    file = descriptor_pb2.FileDescriptorProto(name="symarch_chakra.proto", package="ChakraProtoMsg", syntax="proto3")
    kinds = descriptor_pb2.FieldDescriptorProto

    def add(message: Any, name: str, number: int, kind: str, many: bool = False, of: str = "") -> Any:
        field = message.field.add(name=name, number=number)
        field.label = kinds.LABEL_REPEATED if many else kinds.LABEL_OPTIONAL
        field.type = getattr(kinds, f"TYPE_{kind.upper()}")
        if of:
            field.type_name = f".ChakraProtoMsg.{of}"
        return field

    attribute = file.message_type.add(name="AttributeProto")
    attribute.oneof_decl.add(name="value")
    add(attribute, "name", 1, "string")
    add(attribute, "doc_string", 2, "string")
    for position, kind in enumerate(_SCALARS):
        many = file.message_type.add(name=f"{kind.capitalize()}List")
        add(many, "values", 1, kind, many=True)
        add(attribute, f"{kind}_val", 3 + 2 * position, kind).oneof_index = 0
        add(attribute, f"{kind}_list", 4 + 2 * position, "message", of=many.name).oneof_index = 0
    metadata = file.message_type.add(name="GlobalMetadata")
    add(metadata, "version", 1, "string")
    add(metadata, "attr", 2, "message", many=True, of="AttributeProto")
    io = file.message_type.add(name="IOInfo")
    for number, name in enumerate(("values", "shapes", "types"), 1):
        add(io, name, number, "string")
    types = file.enum_type.add(name="NodeType")
    for number, name in enumerate(NODE_TYPES):
        types.value.add(name=name, number=number)
    node = file.message_type.add(name="Node")
    for number, (name, kind) in enumerate((("id", "uint64"), ("name", "string")), 1):
        add(node, name, number, kind)
    add(node, "type", 3, "enum", of="NodeType")
    add(node, "ctrl_deps", 4, "uint64", many=True)
    add(node, "data_deps", 5, "uint64", many=True)
    add(node, "start_time_micros", 6, "uint64")
    add(node, "duration_micros", 7, "uint64")
    add(node, "inputs", 8, "message", of="IOInfo")
    add(node, "outputs", 9, "message", of="IOInfo")
    add(node, "attr", 10, "message", many=True, of="AttributeProto")
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    found = [pool.FindMessageTypeByName(f"ChakraProtoMsg.{n}") for n in ("GlobalMetadata", "Node")]
    classes = [message_factory.GetMessageClass(d) for d in found]
    return classes[0], classes[1]


def decode(data: bytes, name: str) -> tuple[Any, list[Any]]:
    """Return the metadata and the nodes of a file. Raises ModelError naming the message at fault."""
    from google.protobuf.message import DecodeError

    metadata_class, node_class = messages()
    if data[:2] == b"\x1f\x8b":
        data = _unpacked(data, name)
    metadata: Any = None
    nodes = []
    for number, part in enumerate(_messages(data, name)):
        try:
            if number == 0:
                metadata = metadata_class.FromString(part)
            else:
                nodes.append(node_class.FromString(part))
        except DecodeError:
            what = "the metadata" if number == 0 else f"node {number}"
            raise ModelError(f"{name}: {what} is no message of a Chakra trace") from None
    if metadata is None:
        raise ModelError(f"{name}: the file is empty")
    return metadata, nodes


def _unpacked(data: bytes, name: str) -> bytes:
    try:
        unpacker = zlib.decompressobj(wbits=31)
        found = unpacker.decompress(data, LARGEST)
    except (zlib.error, gzip.BadGzipFile):
        raise ModelError(f"{name}: the gzip stream is damaged") from None
    if unpacker.unconsumed_tail:
        raise ModelError(f"{name}: larger than {LARGEST // 2**20} MiB once unpacked")
    return found


def _messages(data: bytes, name: str) -> Iterator[bytes]:
    at, end, number = 0, len(data), 0
    while at < end:
        size, shift = 0, 0
        while True:
            if at >= end or shift > 35:
                raise ModelError(f"{name}: message {number} has a length that does not end")
            byte = data[at]
            at += 1
            size |= (byte & 0x7F) << shift
            shift += 7
            if not byte & 0x80:
                break
        if at + size > end:
            raise ModelError(f"{name}: message {number} says {size} bytes, but {end - at} follow")
        yield data[at : at + size]
        at += size
        number += 1


def encode(parts: Iterable[Any]) -> Iterator[bytes]:
    """Yield messages, each behind its length."""
    for part in parts:
        data = part.SerializeToString(deterministic=True)
        size, prefix = len(data), bytearray()
        while True:
            byte = size & 0x7F
            size >>= 7
            prefix.append(byte | 0x80 if size else byte)
            if not size:
                break
        yield bytes(prefix) + data


def attributes(message: Any) -> dict[str, Any]:
    """Return the attributes of a node or of the metadata by name; lists as lists."""
    found = {}
    for attr in message.attr:
        kind = attr.WhichOneof("value")
        if kind is not None:
            value = getattr(attr, kind)
            found[attr.name] = list(value.values) if kind.endswith("_list") else value
    return found
