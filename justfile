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

# The examples in the documentation.
doctest:
    ./scripts/test doctest

# The documentation; a warning is an error.
doc:
    ./scripts/test doc

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

# Runs the example product, with options such as `just run --listen 127.0.0.1:0`.
run *options:
    cargo run --locked --release -p social-api -- {{ options }}
