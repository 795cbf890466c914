//! What one page said, asked and loaded since it was opened.

use std::sync::Mutex;
use std::sync::PoisonError;

use serde_json::Value;

/// More lines than this say nothing new; the first ones are kept.
const LINES: usize = 10_000;

#[derive(Debug, Default)]
pub(super) struct PageLog {
    lists: Mutex<Lists>,
}

/// The lists of a [`PageLog`].
#[derive(Debug, Default, Clone)]
pub(super) struct Lists {
    pub(super) console: Vec<String>,
    pub(super) errors: Vec<String>,
    pub(super) dialogs: Vec<String>,
    pub(super) requests: Vec<String>,
}

impl PageLog {
    pub(super) fn lists(&self) -> Lists {
        self.lists.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn add(&self, method: &str, parameters: &Value) {
        let mut lists = self.lists.lock().unwrap_or_else(PoisonError::into_inner);
        let (list, line) = match method {
            "Runtime.consoleAPICalled" => (&mut lists.console, console_line(parameters)),
            "Runtime.exceptionThrown" => (&mut lists.errors, exception(&parameters["exceptionDetails"])),
            "Log.entryAdded" => {
                let entry = &parameters["entry"];
                let line =
                    format!("{}: {} {}", text(entry, "level"), text(entry, "text"), text(entry, "url"));
                let list = if entry["level"] == "error" { &mut lists.errors } else { &mut lists.console };
                (list, line)
            }
            "Page.javascriptDialogOpening" => (&mut lists.dialogs, text(parameters, "message")),
            "Network.requestWillBeSent" => (&mut lists.requests, text(&parameters["request"], "url")),
            "Network.webSocketCreated" => (&mut lists.requests, text(parameters, "url")),
            _ => return,
        };
        if list.len() < LINES {
            list.push(line);
        }
    }
}

/// Returns an exception's text with its stack, as the console would show it.
pub(super) fn exception(details: &Value) -> String {
    let description = details["exception"]["description"].as_str();
    description
        .map_or_else(|| format!("{} {}", text(details, "text"), details["exception"]["value"]), str::to_owned)
}

fn console_line(parameters: &Value) -> String {
    let mut line = text(parameters, "type") + ":";
    for argument in parameters["args"].as_array().into_iter().flatten() {
        line.push(' ');
        match (argument["value"].as_str(), argument["description"].as_str()) {
            (Some(text), _) | (None, Some(text)) => line.push_str(text),
            (None, None) => line.push_str(&argument["value"].to_string()),
        }
    }
    line
}

fn text(value: &Value, key: &str) -> String {
    value[key].as_str().unwrap_or_default().to_owned()
}
