//! The shell: a window around a till, and nothing that a till without a window
//! would also need.
//!
//! Invariants:
//! - the window can call the commands in [`commands`] and hear one event; no
//!   other part of the system can be reached from it;
//! - every start ends in a window or in a sentence, never in a panic.

mod args;
mod commands;
mod events;
mod line;
mod log;
mod notice;
mod start;
mod state;
mod window;

#[cfg(test)]
mod permissions;

use std::ffi::OsString;
use std::process::ExitCode;
use std::time::Instant;

use crate::args::{Asked, Environment};
use crate::log::say;

/// Runs the program.
pub fn main(args: impl Iterator<Item = OsString>) -> ExitCode {
    let started = Instant::now();
    let environment = Environment {
        data: std::env::var_os("TILL_DATA"),
        profiles: std::env::var_os("TILL_PROFILES"),
    };
    let args = match args::read(args, environment) {
        Asked::Open(args) => args,
        Asked::Print(text) => {
            log::print(&text);
            return ExitCode::SUCCESS;
        }
        Asked::Unclear(sentence) => {
            say(&sentence);
            return ExitCode::from(2);
        }
    };
    if !window::has_display() {
        // GTK would panic.
        say(
            "There is no screen here: neither DISPLAY nor WAYLAND_DISPLAY is set. \
             Nothing was started. Run evertill in a desktop session, or use `till`, \
             which needs no window.",
        );
        return ExitCode::FAILURE;
    }
    match start::open(&args) {
        Ok(shell) => match window::run(&args, &shell, started) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                tracing::error!(error = format!("{error:#}"), "no window");
                say(&format!("The window could not be opened: {error:#}"));
                ExitCode::FAILURE
            }
        },
        Err(refusal) => {
            say(&refusal.line());
            if let Err(error) = notice::show(&refusal.sentence) {
                say(&format!("The window could not be opened: {error:#}"));
            }
            ExitCode::from(refusal.exit)
        }
    }
}
