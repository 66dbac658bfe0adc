"""MEXC's protobuf messages, described by a table of field numbers and built with the protobuf library."""

from __future__ import annotations

from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import Message

PACKAGE = "mexc"
TEXT = descriptor_pb2.FieldDescriptorProto.TYPE_STRING
INT32 = descriptor_pb2.FieldDescriptorProto.TYPE_INT32
INT64 = descriptor_pb2.FieldDescriptorProto.TYPE_INT64
BOOL = descriptor_pb2.FieldDescriptorProto.TYPE_BOOL
MESSAGE = descriptor_pb2.FieldDescriptorProto.TYPE_MESSAGE

# message -> field -> (number, type); proto3.
BODIES: dict[str, dict[str, tuple[int, int]]] = {
    "PublicAggreBookTickerV3Api": {
        "bidPrice": (1, TEXT),
        "bidQuantity": (2, TEXT),
        "askPrice": (3, TEXT),
        "askQuantity": (4, TEXT),
        "version": (5, TEXT),
        "lastOrderCreateTime": (6, INT64),
    },
    "PrivateOrdersV3Api": {
        "id": (1, TEXT),
        "clientId": (2, TEXT),
        "price": (3, TEXT),
        "quantity": (4, TEXT),
        "amount": (5, TEXT),
        "avgPrice": (6, TEXT),
        "orderType": (7, INT32),
        "tradeType": (8, INT32),
        "isMaker": (9, BOOL),
        "remainAmount": (10, TEXT),
        "remainQuantity": (11, TEXT),
        "lastDealQuantity": (12, TEXT),
        "cumulativeQuantity": (13, TEXT),
        "cumulativeAmount": (14, TEXT),
        "status": (15, INT32),
        "createTime": (16, INT64),
    },
    "PrivateDealsV3Api": {
        "price": (1, TEXT),
        "quantity": (2, TEXT),
        "amount": (3, TEXT),
        "tradeType": (4, INT32),
        "isMaker": (5, BOOL),
        "isSelfTrade": (6, BOOL),
        "tradeId": (7, TEXT),
        "clientOrderId": (8, TEXT),
        "orderId": (9, TEXT),
        "feeAmount": (10, TEXT),
        "feeCurrency": (11, TEXT),
        "time": (12, INT64),
    },
    "PrivateAccountV3Api": {
        "vcoinName": (1, TEXT),
        "coinId": (2, TEXT),
        "balanceAmount": (3, TEXT),
        "balanceAmountChange": (4, TEXT),
        "frozenAmount": (5, TEXT),
        "frozenAmountChange": (6, TEXT),
        "type": (7, TEXT),
        "time": (8, INT64),
    },
}
# The wrapper: optional header fields, then one body.
HEADER: dict[str, tuple[int, int]] = {
    "channel": (1, TEXT),
    "symbol": (3, TEXT),
    "symbolId": (4, TEXT),
    "createTime": (5, INT64),
    "sendTime": (6, INT64),
}
BODY_FIELDS = {
    "privateOrders": (304, "PrivateOrdersV3Api"),
    "privateDeals": (306, "PrivateDealsV3Api"),
    "privateAccount": (307, "PrivateAccountV3Api"),
    "publicAggreBookTicker": (315, "PublicAggreBookTickerV3Api"),
}


def _describe() -> descriptor_pb2.FileDescriptorProto:
    file = descriptor_pb2.FileDescriptorProto(name="mexc.proto", package=PACKAGE, syntax="proto3")
    for name, fields in BODIES.items():
        message = file.message_type.add(name=name)
        for field, (number, kind) in fields.items():
            _add(message, field, number, kind)
    wrapper = file.message_type.add(name="PushDataV3ApiWrapper")
    wrapper.oneof_decl.add(name="body")
    for field, (number, kind) in HEADER.items():
        _add(wrapper, field, number, kind)
    for field, (number, body) in BODY_FIELDS.items():
        added = _add(wrapper, field, number, MESSAGE)
        added.type_name = f".{PACKAGE}.{body}"
        added.oneof_index = 0
    return file


def _add(message: Any, name: str, number: int, kind: int) -> Any:
    optional = descriptor_pb2.FieldDescriptorProto.LABEL_OPTIONAL
    return message.field.add(name=name, number=number, type=kind, label=optional)


class Encoder:
    """Builds wrappers: `push` gives the bytes of one message."""

    def __init__(self) -> None:
        pool = descriptor_pool.DescriptorPool()
        pool.Add(_describe())
        self._wrapper = message_factory.GetMessageClass(
            pool.FindMessageTypeByName(f"{PACKAGE}.PushDataV3ApiWrapper")
        )

    def push(self, channel: str, symbol: str, send_ms: int, body: str, fields: dict[str, Any]) -> bytes:
        """`body` is a key of BODY_FIELDS; empty and zero fields stay off the wire, as in proto3."""
        wrapper: Message = self._wrapper(channel=channel, sendTime=send_ms, **{body: fields})
        if symbol:
            wrapper.symbol = symbol  # type: ignore[attr-defined]
        return wrapper.SerializeToString()
