//! The example does what its first line says.

use std::process::Command;

#[test]
fn three_knocks_are_admitted_and_the_fourth_is_told_when_to_come_again() {
    let output = Command::new(env!("CARGO_BIN_EXE_limiter-only"))
        .output()
        .unwrap();
    assert!(output.status.success());
    let printed = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<&str> = printed.lines().collect();
    assert_eq!(
        lines[..3],
        [
            "1: come in, 2 left",
            "2: come in, 1 left",
            "3: come in, 0 left"
        ]
    );
    // The knocks are some microseconds apart, and the wait is shown without its fraction.
    assert!(
        ["4: again in 60s", "4: again in 59s"].contains(&lines[3]),
        "{printed}"
    );
    assert_eq!(lines.len(), 4);
}
