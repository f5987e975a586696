//! The partners from outside: golden notices, an independent second end (`tests/oracle/wechat.py`), and delivery over HTTP.

#[cfg(test)]
mod from_outside {
    use std::io::{Read as _, Write as _};
    use std::net::{TcpListener, TcpStream};
    use std::path::PathBuf;
    use std::process::{Command, Stdio};
    use std::time::Duration;

    use piaolian::base::{Code, Fault, Secret, UnixMs};
    use piaolian::parties::tencent::notice::{Notice, NoticeHeaders, NoticeVerifier};
    use piaolian::parties::tencent::sandbox::{
        Event, Forgery, Platform, SandboxPayment, SandboxRefund, SignedNotice, Stamp,
    };
    use serde_json::{Value, json};

    const GOLDEN: &str = include_str!("../fixtures/parties/wechat/notices.json");
    const TEST_KEY: &str = include_str!("../fixtures/parties/wechat/test-platform-key.pem");
    const TEST_PUBLIC_KEY: &str = include_str!("../fixtures/parties/wechat/test-platform-key.pub.pem");

    const NOW: UnixMs = UnixMs(1_795_320_000_000);

    fn golden() -> Value {
        serde_json::from_str(GOLDEN).unwrap()
    }

    fn platform() -> Platform {
        let api_v3_key = golden()["api_v3_key"].as_str().unwrap().to_owned();
        Platform::from_pkcs8_pem(&Secret::new(TEST_KEY.to_owned()), Secret::new(api_v3_key)).unwrap()
    }

    fn verifier_of(platform: &Platform) -> NoticeVerifier {
        let public_key = platform.public_key_pem().unwrap();
        NoticeVerifier::new([(platform.serial(), public_key.as_str())], platform.api_v3_key()).unwrap()
    }

    fn stamp(first: u8) -> Stamp {
        let mut entropy = [0u8; 25];
        for (byte, value) in entropy.iter_mut().zip(first..) {
            *byte = value;
        }
        Stamp { at: NOW, entropy }
    }

    fn payment() -> SandboxPayment {
        SandboxPayment {
            notice_id: "EV-1".to_owned(),
            mchid: "1900000101".to_owned(),
            transaction: "4200000001".to_owned(),
            out_trade_no: "A-1".to_owned(),
            paid_fen: 49_810,
            success_time: NOW,
            payer_openid: Secret::new("oPayer".to_owned()),
        }
    }

    fn refund() -> SandboxRefund {
        SandboxRefund {
            notice_id: "EV-2".to_owned(),
            mchid: "1900000101".to_owned(),
            transaction: "4200000001".to_owned(),
            out_trade_no: "A-1".to_owned(),
            refund: "5030000001".to_owned(),
            out_refund_no: "R-1".to_owned(),
            paid_fen: 49_810,
            refund_fen: 1_000,
            success_time: NOW,
        }
    }

    fn open(verifier: &NoticeVerifier, notice: &SignedNotice) -> Result<Notice, Fault> {
        verifier.open(&notice.headers, &notice.body, NOW)
    }

    /// What a notice says, in the words of the golden file.
    fn said(notice: &Notice) -> Value {
        match notice {
            Notice::Payment(p) => {
                json!({"kind": "payment", "transaction": p.transaction, "out_trade_no": p.out_trade_no,
            "mchid": p.mchid, "fen": p.paid_fen, "success_time": p.success_time})
            }
            Notice::Refund(r) => {
                json!({"kind": "refund", "transaction": r.transaction, "refund": r.refund, "mchid": r.mchid,
            "fen": r.refund_fen, "success_time": r.success_time})
            }
            Notice::Ignored { event_type } => json!({"kind": "ignored", "event_type": event_type}),
        }
    }

    #[test]
    fn golden_notices_open_or_are_refused_as_written() {
        let golden = golden();
        let api_v3_key = Secret::new(golden["api_v3_key"].as_str().unwrap().to_owned());
        let verifier =
            NoticeVerifier::new([(golden["serial"].as_str().unwrap(), TEST_PUBLIC_KEY)], &api_v3_key).unwrap();
        let notices = golden["notices"].as_array().unwrap();
        assert!(notices.len() > 40);
        for notice in notices {
            let headers: NoticeHeaders = serde_json::from_value(notice["headers"].clone()).unwrap();
            let now = UnixMs(notice["now"].as_i64().unwrap());
            let opened = verifier.open(&headers, notice["body"].as_str().unwrap().as_bytes(), now);
            let outcome = match &opened {
                Ok(notice) => json!({"expect": said(notice)}),
                Err(fault) => json!({"code": fault.code}),
            };
            let (key, _) = outcome.as_object().unwrap().iter().next().unwrap();
            assert_eq!(outcome[key], notice[key], "{}: {opened:?}", notice["name"]);
        }
    }

    #[test]
    fn the_sandbox_signs_the_golden_body_to_the_golden_headers() {
        let golden = golden();
        let first = &golden["notices"][0];
        let signed = platform().sign(first["body"].as_str().unwrap().as_bytes().to_vec(), &stamp(0)).unwrap();
        assert_eq!(serde_json::to_value(&signed.headers).unwrap(), first["headers"]);
    }

    #[test]
    fn the_same_stamp_gives_the_same_bytes() {
        let platform = platform();
        assert_eq!(platform.payment(&payment(), &stamp(3)).unwrap(), platform.payment(&payment(), &stamp(3)).unwrap());
        assert_ne!(platform.payment(&payment(), &stamp(3)).unwrap(), platform.payment(&payment(), &stamp(4)).unwrap());
    }

    #[test]
    fn a_new_platforms_notices_open_with_its_exported_key() {
        let platform = Platform::generate(&[7; 16]).unwrap();
        let verifier = verifier_of(&platform);
        let paid = said(&open(&verifier, &platform.payment(&payment(), &stamp(0)).unwrap()).unwrap());
        assert_eq!((&paid["fen"], &paid["transaction"]), (&json!(49_810), &json!("4200000001")));
        let refunded = said(&open(&verifier, &platform.refund(&refund(), &stamp(1)).unwrap()).unwrap());
        assert_eq!((&refunded["fen"], &refunded["refund"]), (&json!(1_000), &json!("5030000001")));
    }

    #[test]
    fn a_platform_comes_back_from_its_private_key() {
        let first = Platform::generate(&[7; 16]).unwrap();
        let second = Platform::from_pkcs8_pem(&first.private_key_pem().unwrap(), first.api_v3_key().clone()).unwrap();
        assert_eq!(second.serial(), first.serial());
        let notice = second.payment(&payment(), &stamp(0)).unwrap();
        assert!(open(&verifier_of(&first), &notice).is_ok());
    }

    #[test]
    fn every_forgery_is_refused() {
        let platform = platform();
        let verifier = verifier_of(&platform);
        let good = platform.payment(&payment(), &stamp(0)).unwrap();
        for forgery in Forgery::ALL {
            let bad = platform.forge(&good, forgery, &stamp(0)).unwrap();
            let expected = match forgery {
                Forgery::Probe => Code::WechatSignatureProbe,
                Forgery::SerialUnknown => Code::WechatSerialUnknown,
                Forgery::SignatureMissing => Code::WechatHeaderMissing,
                Forgery::SignatureOfOtherBytes
                | Forgery::BodyChanged
                | Forgery::NonceChanged
                | Forgery::TimestampChanged => Code::WechatSignatureBad,
            };
            assert_eq!(open(&verifier, &bad).unwrap_err().code, expected, "{forgery:?}");
        }
    }

    #[test]
    fn a_notice_signed_by_another_platform_under_a_known_serial_is_refused() {
        let (ours, theirs) = (platform(), Platform::generate(&[1; 16]).unwrap());
        let mut notice = theirs.payment(&payment(), &stamp(0)).unwrap();
        notice.headers.serial = Some(ours.serial().to_owned());
        assert_eq!(open(&verifier_of(&ours), &notice).unwrap_err().code, Code::WechatSignatureBad);
    }

    #[test]
    fn either_of_two_platform_keys_is_good() {
        let api_v3_key = platform().api_v3_key().clone();
        let old = platform();
        let new =
            Platform::from_pkcs8_pem(&Platform::generate(&[0; 16]).unwrap().private_key_pem().unwrap(), api_v3_key);
        let new = new.unwrap();
        let pems = [old.public_key_pem().unwrap(), new.public_key_pem().unwrap()];
        let keys = [(old.serial(), pems[0].as_str()), (new.serial(), pems[1].as_str())];
        let verifier = NoticeVerifier::new(keys, old.api_v3_key()).unwrap();
        for platform in [&old, &new] {
            assert!(open(&verifier, &platform.payment(&payment(), &stamp(0)).unwrap()).is_ok());
        }
    }

    #[test]
    fn keys_that_can_not_be_used_stop_the_verifier() {
        let key = Secret::new("k".repeat(32));
        let short = Secret::new("k".repeat(31));
        let (one, twice, none) = (vec![("s", TEST_PUBLIC_KEY)], vec![("s", TEST_PUBLIC_KEY); 2], Vec::new());
        for (keys, api_v3_key) in
            [(one, &short), (twice, &key), (none, &key), (vec![("s", TEST_KEY)], &key), (vec![("s", "")], &key)]
        {
            assert_eq!(NoticeVerifier::new(keys, api_v3_key).unwrap_err().code, Code::WechatKeyUnusable);
        }
    }

    #[test]
    fn an_event_of_no_concern_is_named_and_ignored() {
        let platform = platform();
        let event =
            Event {
                id: "EV-3", at: NOW, event_type: "REFUND.CLOSED", original_type: "refund", summary: "退款关闭"
            };
        let notice = platform.event(&event, &json!({}), &stamp(0)).unwrap();
        assert_eq!(said(&open(&verifier_of(&platform), &notice).unwrap())["event_type"], json!("REFUND.CLOSED"));
    }

    #[test]
    fn neither_key_nor_openid_is_in_debug() {
        let platform = platform();
        let verifier = verifier_of(&platform);
        let notice = open(&verifier, &platform.payment(&payment(), &stamp(0)).unwrap()).unwrap();
        let text = format!("{platform:?} {verifier:?} {notice:?} {:?}", payment());
        assert!(!text.contains("oPayer") && !text.contains(platform.api_v3_key().expose()), "{text}");
    }

    // --- the independent end

    /// Asks `tests/oracle/wechat.py`. Python with `cryptography` MUST be there: a missing oracle fails the test.
    fn oracle(mode: &str, asked: &Value) -> Value {
        #[expect(clippy::disallowed_methods, reason = "tests choose their Python by the environment")]
        let python = std::env::var("ORACLE_PYTHON").unwrap_or_else(|_| "python3".to_owned());
        let script = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/oracle/wechat.py");
        let mut child = Command::new(&python)
            .arg(script)
            .arg(mode)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|e| panic!("{python} does not start: {e}; see tests/oracle/requirements.txt"));
        child.stdin.take().unwrap().write_all(asked.to_string().as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{python} wechat.py {mode} failed; see tests/oracle/requirements.txt");
        serde_json::from_slice(&output.stdout).unwrap()
    }

    #[test]
    fn a_notice_made_by_cryptography_opens() {
        let platform = platform();
        let made = oracle(
            "make",
            &json!({
                "private_key_pem": TEST_KEY, "api_v3_key": platform.api_v3_key().expose(), "serial": platform.serial(),
                "timestamp": "1795320000", "nonce": "n0nce", "aead_nonce": "abcdefghijkl",
                "envelope": {"id": "EV-9", "create_time": "2026-11-22T12:00:00+08:00", "event_type": "TRANSACTION.SUCCESS",
                    "summary": "支付成功", "original_type": "transaction"},
                "resource": {"mchid": "1900000101", "transaction_id": "4200000009", "out_trade_no": "A-9", "trade_state": "SUCCESS",
                    "success_time": "2026-11-22T11:59:59.5+08:00", "amount": {"total": 7, "currency": "CNY"}, "payer": {"openid": "o"}}
            }),
        );
        let headers: NoticeHeaders = serde_json::from_value(made["headers"].clone()).unwrap();
        let opened = verifier_of(&platform).open(&headers, made["body"].as_str().unwrap().as_bytes(), NOW).unwrap();
        let expected = json!({"kind": "payment", "transaction": "4200000009", "out_trade_no": "A-9", "mchid": "1900000101", "fen": 7,
        "success_time": 1_795_319_999_500_i64});
        assert_eq!(said(&opened), expected);
    }

    #[test]
    fn cryptography_opens_a_notice_of_our_sandbox() {
        let platform = Platform::generate(&[9; 16]).unwrap();
        let notice = platform.payment(&payment(), &stamp(0)).unwrap();
        let opened = oracle(
            "open",
            &json!({
                "public_key_pem": platform.public_key_pem().unwrap(), "api_v3_key": platform.api_v3_key().expose(),
                "headers": notice.headers, "body": String::from_utf8(notice.body).unwrap()
            }),
        );
        assert_eq!(opened["envelope"]["id"], json!("EV-1"));
        assert_eq!(opened["resource"]["amount"]["total"], json!(49_810));
        assert_eq!(opened["resource"]["success_time"], json!("2026-11-22T12:00:00+08:00"));
    }

    // --- delivery

    /// Reads one HTTP request: its header lines and its body.
    fn read_request(stream: &mut TcpStream) -> (Vec<(String, String)>, Vec<u8>) {
        let mut bytes = Vec::new();
        let mut chunk = [0u8; 4096];
        loop {
            let count = stream.read(&mut chunk).unwrap();
            bytes.extend_from_slice(&chunk[..count]);
            let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else { continue };
            let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
            let headers: Vec<(String, String)> = head
                .lines()
                .filter_map(|line| line.split_once(": "))
                .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
                .collect();
            let length: usize = headers
                .iter()
                .find(|(name, _)| name == "content-length")
                .map_or(0, |(_, value)| value.parse().unwrap());
            if bytes.len() == end + 4 + length {
                return (headers, bytes[end + 4..].to_vec());
            }
        }
    }

    /// A server that answers with these statuses, one a connection, and gives back what it was sent.
    fn server(statuses: &'static [u16]) -> (String, std::thread::JoinHandle<Vec<SignedNotice>>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/notify", listener.local_addr().unwrap());
        let handle = std::thread::spawn(move || {
            let mut received = Vec::new();
            for status in statuses {
                let (mut stream, _) = listener.accept().unwrap();
                let (headers, body) = read_request(&mut stream);
                let lookup = |name: &str| {
                    let wanted = name.to_ascii_lowercase();
                    headers.iter().find(|(name, _)| *name == wanted).map(|(_, value)| value.as_str())
                };
                received.push(SignedNotice { headers: NoticeHeaders::from_lookup(lookup), body });
                let answer = format!("HTTP/1.1 {status} X\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
                stream.write_all(answer.as_bytes()).unwrap();
            }
            received
        });
        (url, handle)
    }

    fn deliver(platform: &Platform, url: &str, gaps: &[Duration]) -> Result<usize, Fault> {
        let body = platform.payment(&payment(), &stamp(0)).unwrap().body;
        let mut next = 0;
        let stamps = || {
            next += 1;
            Ok(stamp(next))
        };
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(platform.deliver(&client, url, &body, gaps, stamps))
    }

    #[test]
    fn a_notice_is_delivered_again_with_the_same_body_until_it_is_accepted() {
        let platform = platform();
        let (url, handle) = server(&[500, 404, 204]);
        assert_eq!(deliver(&platform, &url, &[Duration::from_millis(1); 5]), Ok(3));
        let received = handle.join().unwrap();
        assert!(received.iter().all(|notice| notice.body == received[0].body));
        assert_ne!(received[0].headers.nonce, received[1].headers.nonce);
        for notice in &received {
            assert!(open(&verifier_of(&platform), notice).is_ok());
        }
    }

    #[test]
    fn status_202_is_not_acceptance() {
        let platform = platform();
        let (url, handle) = server(&[202, 200]);
        assert_eq!(deliver(&platform, &url, &[Duration::from_millis(1)]), Ok(2));
        handle.join().unwrap();
    }

    #[test]
    fn delivery_ends_with_the_plan() {
        let platform = platform();
        let (url, handle) = server(&[500, 500, 500]);
        let fault = deliver(&platform, &url, &[Duration::from_millis(1); 2]).unwrap_err();
        assert_eq!(fault.code, Code::WechatNoticeUndelivered);
        assert_eq!(handle.join().unwrap().len(), 3);
    }
}
