//! The page's own codec, against the golden vectors of the protocol.

use serde_json::json;
use test_support::{Chromium, require};
use tests::Tidings;

const UUID: &str = "01234567-89ab-4cde-8f01-23456789abcd";

#[tokio::test]
async fn the_golden_vectors_hold_in_the_browser() {
    let Some(chromium) = require(Chromium::start().await) else { return };
    let server = Tidings::start();
    let page = chromium.page().await.unwrap();
    page.open(&server.url("/")).await.unwrap();
    let uu: String = UUID.bytes().map(|byte| format!("{byte:02x}")).collect();
    for (opcode, uuid, channel, body, hex) in [
        (0, "", "", "", "00000000000000000000".to_owned()),
        (0, UUID, "hello", "", format!("00002400{uu}050068656c6c6f00000000")),
        (1, UUID, "hello", "", format!("01002400{uu}050068656c6c6f00000000")),
        (2, UUID, "hello", "hi", format!("02002400{uu}050068656c6c6f020000006869")),
        (2, "", "héllo", "ü", "02000000060068c3a96c6c6f02000000c3bc".to_owned()),
    ] {
        let message = json!({ "opcode": opcode, "uuid": uuid, "channel": channel, "body": body });
        let expression = format!(
            "import('/assets/protocol.js').then(({{ encode, decode, textOf }}) => {{
                const bytes = encode({message});
                const back = decode(bytes.buffer);
                return [[...bytes].map(byte => byte.toString(16).padStart(2, '0')).join(''), {{ ...back, body: textOf(back.body) }}];
            }})"
        );
        let answer: serde_json::Value = page.evaluate(&expression).await.unwrap();
        assert_eq!(answer, json!([hex, message]));
    }
}

#[tokio::test]
async fn messages_that_are_cut_short_are_refused() {
    let Some(chromium) = require(Chromium::start().await) else { return };
    let server = Tidings::start();
    let page = chromium.page().await.unwrap();
    page.open(&server.url("/")).await.unwrap();
    let expression = "import('/assets/protocol.js').then(({ encode, decode }) => {
        const whole = encode({ opcode: 2, uuid: 'u', channel: 'c', body: 'body' });
        for (let length = 0; length < whole.length; length += 1) {
            try { decode(whole.slice(0, length).buffer); return length; } catch {}
        }
        return 'all refused';
    })";
    assert_eq!(page.evaluate::<serde_json::Value>(expression).await.unwrap(), "all refused");
}
