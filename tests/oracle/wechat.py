"""A second, independent end of WeChat Pay APIv3 notices, made with PyPI `cryptography` from the documentation alone.

    wechat.py make < {private_key_pem, api_v3_key, serial, timestamp, nonce, aead_nonce, envelope, resource}  -> {headers, body}
    wechat.py open < {public_key_pem, api_v3_key, headers, body}                                              -> {envelope, resource}

`envelope` holds id, create_time, event_type, summary and original_type. `resource` may be an object or text to be encrypted as it stands.
Fails (status 1) when a signature or a tag does not fit.
"""

import base64
import json
import sys

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.ciphers.aead import AESGCM


def message(timestamp: str, nonce: str, body: str) -> bytes:
    return f"{timestamp}\n{nonce}\n{body}\n".encode()


def make(asked: dict) -> dict:
    key = serialization.load_pem_private_key(asked["private_key_pem"].encode(), password=None)
    envelope, resource = asked["envelope"], asked["resource"]
    plain = resource if isinstance(resource, str) else json.dumps(resource, ensure_ascii=False)
    aad = envelope["original_type"]
    sealed = AESGCM(asked["api_v3_key"].encode()).encrypt(asked["aead_nonce"].encode(), plain.encode(), aad.encode())
    body = json.dumps(
        {
            "id": envelope["id"],
            "create_time": envelope["create_time"],
            "resource_type": "encrypt-resource",
            "event_type": envelope["event_type"],
            "summary": envelope["summary"],
            "resource": {
                "original_type": aad,
                "algorithm": envelope.get("algorithm", "AEAD_AES_256_GCM"),
                "ciphertext": base64.b64encode(sealed).decode(),
                "associated_data": aad,
                "nonce": asked["aead_nonce"],
            },
        },
        ensure_ascii=False,
    )
    return sign(key, asked, body)


def sign(key, asked: dict, body: str) -> dict:
    signature = key.sign(message(asked["timestamp"], asked["nonce"], body), padding.PKCS1v15(), hashes.SHA256())
    headers = {
        "Wechatpay-Serial": asked["serial"],
        "Wechatpay-Signature": base64.b64encode(signature).decode(),
        "Wechatpay-Timestamp": asked["timestamp"],
        "Wechatpay-Nonce": asked["nonce"],
        "Wechatpay-Signature-Type": "WECHATPAY2-SHA256-RSA2048",
    }
    return {"headers": headers, "body": body}


def open_notice(asked: dict) -> dict:
    key = serialization.load_pem_public_key(asked["public_key_pem"].encode())
    headers, body = asked["headers"], asked["body"]
    signature = base64.b64decode(headers["Wechatpay-Signature"], validate=True)
    text = message(headers["Wechatpay-Timestamp"], headers["Wechatpay-Nonce"], body)
    key.verify(signature, text, padding.PKCS1v15(), hashes.SHA256())
    envelope = json.loads(body)
    resource = envelope["resource"]
    ciphertext = base64.b64decode(resource["ciphertext"], validate=True)
    plain = AESGCM(asked["api_v3_key"].encode()).decrypt(
        resource["nonce"].encode(), ciphertext, resource["associated_data"].encode()
    )
    return {"envelope": envelope, "resource": json.loads(plain)}


if __name__ == "__main__":
    work = {"make": make, "open": open_notice}[sys.argv[1]]
    json.dump(work(json.load(sys.stdin)), sys.stdout, ensure_ascii=False)
