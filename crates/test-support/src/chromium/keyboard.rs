//! The keys a page test presses, as the browser wants them described.

use serde_json::Value;
use serde_json::json;

/// Returns the `Input.dispatchKeyEvent` parameters of pressing and releasing a key, `None` for an
/// unknown one.
///
/// The name is that of the DOM's `KeyboardEvent.key`, with `Shift+`, `Control+`, `Alt+` or `Meta+`
/// before it.
pub(super) fn strokes(name: &str) -> Option<[Value; 2]> {
    let mut modifiers = 0;
    let mut key = name;
    while let Some((modifier, rest)) = key.split_once('+').filter(|(_, rest)| !rest.is_empty()) {
        modifiers |= match modifier {
            "Alt" => 1,
            "Control" => 2,
            "Meta" => 4,
            "Shift" => 8,
            _ => return None,
        };
        key = rest;
    }
    let (code, number, text) = described(key)?;
    let key = if key == "Space" { " " } else { key };
    let common = json!({ "modifiers": modifiers, "key": key, "code": code, "windowsVirtualKeyCode": number });
    let (mut down, mut up) = (common.clone(), common);
    up["type"] = "keyUp".into();
    down["type"] = "rawKeyDown".into();
    // Control, Alt and Meta make a command of a key, not text.
    if let Some(text) = text.filter(|_| modifiers & 7 == 0) {
        down["type"] = "keyDown".into();
        down["text"] = text.into();
    }
    Some([down, up])
}

/// Returns a key's code on the keyboard, its number, and the text it writes.
fn described(key: &str) -> Option<(String, u32, Option<String>)> {
    let (number, text) = match key {
        "Backspace" => (8, None),
        "Tab" => (9, None),
        "Enter" => (13, Some("\r")),
        "Escape" => (27, None),
        "Space" => (32, Some(" ")),
        "PageUp" => (33, None),
        "PageDown" => (34, None),
        "End" => (35, None),
        "Home" => (36, None),
        "ArrowLeft" => (37, None),
        "ArrowUp" => (38, None),
        "ArrowRight" => (39, None),
        "ArrowDown" => (40, None),
        "Delete" => (46, None),
        _ => {
            let [letter] = *key.as_bytes() else { return None };
            let upper = char::from(letter.to_ascii_uppercase());
            let code = match upper {
                'A'..='Z' => format!("Key{upper}"),
                '0'..='9' => format!("Digit{upper}"),
                _ => String::new(),
            };
            return letter.is_ascii_graphic().then(|| (code, upper.into(), Some(key.to_owned())));
        }
    };
    Some((key.to_owned(), number, text.map(str::to_owned)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn enter_writes_a_line_end() {
        let [down, up] = strokes("Enter").unwrap();
        assert_eq!((&down["type"], &down["text"]), (&"keyDown".into(), &"\r".into()));
        assert_eq!((&up["type"], &up["code"]), (&"keyUp".into(), &"Enter".into()));
    }

    #[test]
    fn shift_keeps_the_text_and_control_does_not() {
        assert_eq!(strokes("Shift+Enter").unwrap()[0]["modifiers"], 8);
        assert_eq!(strokes("Shift+A").unwrap()[0]["text"], "A");
        assert_eq!(strokes("Control+a").unwrap()[0].get("text"), None);
        assert_eq!(strokes("+").unwrap()[0]["text"], "+");
    }

    #[test]
    fn an_unknown_key_is_none() {
        assert_eq!(strokes("Return"), None);
        assert_eq!(strokes("Hyper+a"), None);
        assert_eq!(strokes(""), None);
    }
}
