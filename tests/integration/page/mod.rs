//! The page in real browsers, people talking to each other.

mod absence;
mod codec;
mod composing;
mod crash;
mod ending;
mod following;
mod groups;
mod health;
mod history;
mod injection;
mod isolation;
mod keeping;
mod keyboard;
mod login;
mod login_end;
mod look;
mod messages;
mod modules;
mod past;
mod people;
mod person;
mod sender;
mod shapes;
mod tabs;
