"""What eth-account says: reads [{"secret", "text"}, ...] from stdin, prints [{"address", "eip191", "signature"}, ...]."""

import json
import sys

from eth_account import Account
from eth_account.messages import encode_defunct


def answer(question):
    signed = Account.sign_message(encode_defunct(text=question["text"]), private_key="0x" + question["secret"])
    recovered = Account.recover_message(encode_defunct(text=question["text"]), signature=signed.signature)
    address = Account.from_key("0x" + question["secret"]).address
    assert recovered == address
    return {
        "address": address,
        "eip191": bytes(signed.message_hash).hex(),
        "signature": bytes(signed.signature).hex(),
    }


json.dump([answer(question) for question in json.load(sys.stdin)], sys.stdout)
