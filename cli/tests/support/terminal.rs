//! A terminal for the command: what it writes there, and how wide it is.

#![allow(dead_code)]

use rustix::pty::{grantpt, ioctl_tiocgptpeer, openpt, unlockpt, OpenptFlags};
use rustix::termios::{tcsetwinsize, Winsize};
use std::fs::File;
use std::io::Read;
use std::os::fd::OwnedFd;
use std::process::{Command, Stdio};

/// The side of a new terminal that a program writes to, and the one that shows it.
fn terminal(columns: u16) -> (OwnedFd, File) {
    let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY;
    let shown = openpt(flags).unwrap();
    grantpt(&shown).unwrap();
    unlockpt(&shown).unwrap();
    let written = ioctl_tiocgptpeer(&shown, flags).unwrap();
    tcsetwinsize(&written, Winsize { ws_row: 40, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 }).unwrap();
    (written, File::from(shown))
}

/// Runs the command with standard output on a terminal of so many columns, and returns what it wrote there. Lines end in
/// `\r\n`.
pub(crate) fn output_on_terminal(mut command: Command, columns: u16) -> String {
    let (written, shown) = terminal(columns);
    command.stdout(written).stderr(Stdio::null());
    all(command, shown)
}

/// Runs the command with standard error on a terminal, and returns what it wrote there.
pub(crate) fn messages_on_terminal(mut command: Command) -> String {
    let (written, shown) = terminal(80);
    command.stdout(Stdio::null()).stderr(written);
    all(command, shown)
}

fn all(mut command: Command, mut shown: File) -> String {
    let mut child = command.spawn().unwrap();
    // Its copies of the terminal would keep that open.
    drop(command);
    let mut bytes = Vec::new();
    // The error is that no program has the terminal open any more.
    _ = shown.read_to_end(&mut bytes);
    assert!(child.wait().unwrap().success(), "{}", String::from_utf8_lossy(&bytes));
    String::from_utf8(bytes).unwrap()
}
