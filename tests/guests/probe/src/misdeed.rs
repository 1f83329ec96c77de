//! What a hostile or broken guest does.

use std::hint::black_box;

use gd_guest::prelude::*;

/// A way to fail that the host has to see by itself.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Misdeed {
    Panic(String),
    Exit(i32),
    Abort,
    /// Never returns, without a host call.
    Spin,
    /// Takes memory until there is none.
    Grow,
    /// Calls itself until the stack is full.
    Recurse,
    /// Waits in one host call, practically for ever.
    Hang,
    /// Prints for ever.
    Babble,
}

impl Misdeed {
    pub(crate) fn commit(self) {
        match self {
            Self::Panic(text) => panic!("{text}"),
            Self::Exit(code) => std::process::exit(code),
            Self::Abort => std::process::abort(),
            Self::Spin => loop {
                black_box(());
            },
            Self::Grow => grow(),
            Self::Recurse => drop(black_box(recurse(0))),
            Self::Hang => std::thread::sleep(hours(24)),
            Self::Babble => loop {
                chat(1, 4096);
            },
        }
    }
}

/// Prints `lines` lines of `bytes` bytes.
pub(crate) fn chat(lines: usize, bytes: usize) {
    info!(lines = lines, bytes = bytes, "about to talk");
    let line = "x".repeat(bytes);
    for _ in 0..lines {
        println!("{line}");
    }
}

fn grow() {
    let mut taken: Vec<Vec<u8>> = Vec::new();
    loop {
        taken.push(black_box(vec![1; 1 << 20]));
    }
}

#[expect(unconditional_recursion, reason = "the point of it")]
fn recurse(depth: u64) -> u64 {
    let here = black_box([depth; 32]);
    recurse(depth + 1) + here[0]
}
