//! The page in real browsers, people talking to each other.

mod absence;
mod codec;
mod crash;
mod groups;
mod history;
mod injection;
mod keyboard;
mod look;
mod messages;
mod people;
mod person;
mod shapes;
mod tabs;
