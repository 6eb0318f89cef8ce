# The recipes are the steps of continuous integration, each from its one place: scripts/test.

# Lists the recipes.
default:
    @just --list

# The formatting, checked.
fmt:
    ./scripts/test fmt

# The lints; a warning is an error.
clippy:
    ./scripts/test clippy

# Unit and integration tests of the whole workspace.
test:
    ./scripts/test test

# OAuth clients of others, in Rust, Python and Node, against the example product.
interop:
    ./scripts/test interop

# The examples in the documentation.
doctest:
    ./scripts/test doctest

# The documentation; a warning is an error.
doc:
    ./scripts/test doc

# That the crate for credentials builds for wasm32.
wasm:
    ./scripts/test wasm

# Our own locks and counters in every order.
loom:
    ./scripts/test loom

# How many instructions a call takes, against a budget (needs valgrind).
instructions:
    ./scripts/test instructions

# Each fuzz target for a while (needs nightly and cargo-fuzz).
fuzz:
    ./scripts/test fuzz

# The inner loop: formatting, lints and the tests of the library crates.
quick:
    ./scripts/test quick

# All steps, as continuous integration runs them.
ci:
    ./.ci/run

# Licences, bans, sources and advisories of the dependencies (needs cargo-deny).
deny:
    cargo deny check

# Formats the workspace.
format:
    cargo fmt --all
    cargo fmt --manifest-path fuzz/Cargo.toml

# Measures, beside peers; see docs/performance.md. Options as for criterion.
bench *options:
    cargo bench --locked -p portcullis-benches -- {{ options }}

# Tables and plots of what limiters admit, and what their memory costs; see docs/limits.md.
limit-report *options:
    cargo run --locked --release -p portcullis-reports --bin limit-report -- {{ options }}

# Measures everything beside peers and writes docs/performance.md anew; on an idle machine.
performance *options:
    cargo run --locked --release -p portcullis-reports --bin performance-report -- {{ options }}

# Reports whether the time of a check tells what it must not; see docs/performance.md.
timing-report *options:
    cargo run --locked --release -p portcullis-reports --bin timing-report -- {{ options }}

# Runs the example product, with options such as `just run --listen 127.0.0.1:0`.
run *options:
    cargo run --locked --release -p social-api -- {{ options }}
