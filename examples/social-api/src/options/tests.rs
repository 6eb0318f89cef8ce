use std::{ffi::OsString, path::PathBuf, time::Duration};

use super::{Limits, Peppers, Registration, Settings, Signup, Store, error::SettingsError};

fn read(arguments: &[&str]) -> Result<Settings, SettingsError> {
    read_with(arguments, &[])
}

fn read_with(arguments: &[&str], variables: &[(&str, &str)]) -> Result<Settings, SettingsError> {
    let arguments = ["social-api"].iter().chain(arguments).map(OsString::from);
    Settings::read(arguments, &|name| {
        let found = variables.iter().find(|(variable, _)| *variable == name);
        found.map(|(_, value)| value.into())
    })
}

fn refused(arguments: &[&str]) -> String {
    read(arguments).unwrap_err().to_string()
}

fn in_file(text: &str) -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("options.toml");
    std::fs::write(&path, text).unwrap();
    let path = path.to_str().unwrap().to_owned();
    (folder, path)
}

#[test]
fn defaults_are_those_of_the_documentation() {
    let settings = read(&[]).unwrap();
    assert_eq!(settings.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(
        settings.store,
        Store::Sqlite("./portcullis-data/portcullis.db".into())
    );
    assert_eq!(settings.limits, Limits::Memory);
    assert_eq!(settings.admin_email, "admin@example.com");
    assert!(settings.admin_password.is_none());
    assert_eq!(settings.key_limit, "600/60s".parse().unwrap());
    assert_eq!(settings.session_limit, "600/60s".parse().unwrap());
    assert_eq!(settings.credits, 1_000);
    assert_eq!(settings.session_ttl, Duration::from_secs(12 * 3_600));
    assert_eq!(settings.session_idle_ttl, Duration::from_secs(3_600));
    assert_eq!(settings.refresh_ttl, Duration::from_secs(30 * 86_400));
    assert!(settings.cors_origins.is_empty());
    assert_eq!(settings.trusted_hops, 0);
    assert_eq!(settings.base_url, None);
    assert_eq!(settings.signup, Signup::Closed);
    assert_eq!(settings.client_registration, Registration::Closed);
    let cli = settings.clients.find("social-cli").unwrap();
    assert!(cli.allows_devices());
    let at = |uri| cli.redirect_uris().iter().any(|own| own.accepts(uri));
    assert!(at("http://127.0.0.1:5000/callback") && at("http://[::1]:5000/callback"));
    assert!(!at("http://localhost:5000/callback"));
    let Peppers::DefaultFile(path) = settings.peppers else {
        panic!("not the default")
    };
    assert_eq!(path, PathBuf::from("./portcullis-peppers"));
}

#[test]
fn options_come_before_the_file_and_that_before_the_default() {
    let (_folder, path) = in_file(
        "credits = 7\nlisten = \"127.0.0.1:1\"\ntrusted-hops = 2\n\
         cors-origins = [\"https://a.example\", \"http://localhost:3000\"]\n",
    );
    let settings = read(&["--config", &path, "--listen", "127.0.0.1:2"]).unwrap();
    assert_eq!(settings.listen.to_string(), "127.0.0.1:2");
    assert_eq!((settings.credits, settings.trusted_hops), (7, 2));
    assert_eq!(
        settings.cors_origins,
        ["https://a.example", "http://localhost:3000"]
    );
    assert_eq!(settings.admin_email, "admin@example.com");
}

#[test]
fn a_wrong_file_is_told_in_one_line_by_name_and_place() {
    let (_folder, path) = in_file("credits = 7\nadmin-password = \"hunter2\"\n");
    let message = refused(&["--config", &path]);
    assert!(
        message.starts_with(&format!("options file `{path}`: line 2: ")),
        "{message}"
    );
    assert!(
        message.contains("`admin-password`") && !message.contains("hunter2"),
        "{message}"
    );
    for text in [
        "credits",
        "credits = 1.5",
        "credits = { }",
        "[listen]",
        "\"a\nb\" = 1",
        "credits = [\"QUFB\"]",
        "peppers = [\"1:QUFB\"]",
        "peppers = 1:QUFB",
        "peppers = \"1:QUFB",
        "cors-origins = [[\"QUFB\"]]",
    ] {
        let (_folder, path) = in_file(text);
        let message = refused(&["--config", &path]);
        assert!(
            message.starts_with("options file `")
                && !message.contains('\n')
                && !message.contains("QUFB"),
            "{message}"
        );
    }
    let (_folder, path) = in_file("store = [\"memory:\"]");
    let message = refused(&["--config", &path]);
    assert!(message.contains("array"), "{message}");
    let (_folder, path) = in_file("metrics-listen = \"here\"");
    let message = refused(&["--config", &path]);
    assert_eq!(
        message,
        "option `metrics-listen`: not an address and a port such as `127.0.0.1:8080`"
    );
    assert!(refused(&["--config", "/nowhere/x.toml"]).contains("No such file"));
}

#[test]
fn clients_of_the_file_stand_beside_the_command_line_or_in_its_place() {
    let clients = |text: &str| {
        let (_folder, path) = in_file(text);
        read(&["--config", &path]).map(|settings| settings.clients)
    };
    let tv = "[[oauth-clients]]\nid = \"tv\"\nname = \"The TV\"\n";
    let both = clients(tv).unwrap();
    assert!(both.find("tv").is_some_and(|tv| !tv.allows_devices()));
    assert!(both.find("social-cli").is_some());
    let own = clients(&tv.replace("\"tv\"", "\"social-cli\"")).unwrap();
    let own = own.find("social-cli").unwrap();
    assert_eq!((own.name(), own.allows_devices()), ("The TV", false));
    let error = clients(&tv.repeat(2)).unwrap_err().to_string();
    assert_eq!(
        error,
        "option `oauth-clients`: two clients have the id `tv`"
    );
    let named = refused(&["--client-registration", "maybe"]);
    assert_eq!(
        named,
        "option `client-registration`: not `open` or `closed`"
    );
}

#[test]
fn wrong_arguments_are_told_in_one_line() {
    assert_eq!(
        refused(&["--lisen", "x"]),
        "unexpected argument '--lisen' found"
    );
    assert_eq!(refused(&["a\nb"]), r"unexpected argument 'a\nb' found");
    for (arguments, message) in [
        (
            ["--listen", "here"],
            "option `listen`: not an address and a port such as `127.0.0.1:8080`",
        ),
        (
            ["--listen", "localhost:8080"],
            "option `listen`: not an address and a port such as `127.0.0.1:8080`",
        ),
        (
            ["--store", "sqlite:"],
            "option `store`: neither `sqlite:PATH` nor `memory:`",
        ),
        (
            ["--store", "postgres://db/x"],
            "option `store`: `postgres://` is not available in this version",
        ),
        (
            ["--store", "sqlite://tmp/x.db"],
            "option `store`: `sqlite:PATH` has no `//`, such as `sqlite:./data/portcullis.db`",
        ),
        (
            ["--metrics-listen", "9090"],
            "option `metrics-listen`: not an address and a port such as `127.0.0.1:8080`",
        ),
        (
            ["--credits", "1k"],
            "option `credits`: not a whole number from 0 to 4294967295",
        ),
        (
            ["--credits", "-1"],
            "option `credits`: not a whole number from 0 to 4294967295",
        ),
        (
            ["--key-limit", "-1"],
            "option `key-limit`: not a quota such as `600/60s` at byte 0",
        ),
        (
            ["--limits", "redis://r"],
            "option `limits`: `redis://` is not available in this version",
        ),
        (
            ["--signup", "yes"],
            "option `signup`: not `open` or `closed`",
        ),
        (
            ["--admin-email", "admin"],
            "option `admin-email`: not an address of e-mail",
        ),
        (
            ["--trusted-hops", "256"],
            "option `trusted-hops`: not a whole number from 0 to 255",
        ),
        (
            ["--session-ttl", "0s"],
            "option `session-ttl`: more than nothing is needed",
        ),
        (
            ["--session-ttl", "3651d"],
            "option `session-ttl`: at most `3650d`",
        ),
    ] {
        assert_eq!(refused(&arguments), message);
    }
    for text in [
        "",
        "h",
        "12",
        "+1h",
        "1.5h",
        "1 h",
        "1w",
        "-1",
        "ü",
        "99999999999999999999s",
    ] {
        let message = refused(&["--refresh-ttl", text]);
        assert!(
            message.starts_with("option `refresh-ttl`: not a time"),
            "{text} {message}"
        );
    }
    assert!(refused(&["--key-limit", "many"]).starts_with("option `key-limit`: "));
}

#[test]
fn base_urls_are_https_or_on_this_machine() {
    for (url, kept) in [
        ("https://api.example.com", "https://api.example.com"),
        (
            "https://api.example.com:8443/",
            "https://api.example.com:8443",
        ),
        ("http://localhost:8080", "http://localhost:8080"),
        ("http://127.0.0.2", "http://127.0.0.2"),
        ("http://[::1]:80/", "http://[::1]:80"),
    ] {
        assert_eq!(
            read(&["--base-url", url]).unwrap().base_url.as_deref(),
            Some(kept)
        );
    }
    for url in [
        "http://api.example.com",
        "https://api.example.com/v1",
        "https://api.example.com?x",
        "https://user@api.example.com",
        "https://api.example.com:99999",
        "https://:80",
        "ftp://localhost",
        "localhost:8080",
        "",
    ] {
        assert!(
            refused(&["--base-url", url]).starts_with("option `base-url`: "),
            "{url}"
        );
    }
}

#[test]
fn origins_have_no_path_and_no_wildcard() {
    let settings = read(&["--cors-origins", "https://A.example , http://b.example:81,"]).unwrap();
    assert_eq!(
        settings.cors_origins,
        ["https://a.example", "http://b.example:81"]
    );
    for list in ["*", "null", "https://a.example/", "a.example", "https://*"] {
        assert!(
            refused(&["--cors-origins", list]).starts_with("option `cors-origins`: `"),
            "{list}"
        );
    }
}

#[test]
fn secrets_come_from_variables_or_the_files_that_they_name() {
    let password = |variables: &[(&str, &str)]| {
        read_with(&[], variables).map(|settings| settings.admin_password)
    };
    let given = password(&[("PORTCULLIS_ADMIN_PASSWORD", " hünter2 ")])
        .unwrap()
        .unwrap();
    assert_eq!(given.expose(), " hünter2 ");
    let (_folder, path) = in_file("hunter2 \r\n");
    let given = password(&[("PORTCULLIS_ADMIN_PASSWORD_FILE", &path)])
        .unwrap()
        .unwrap();
    assert_eq!(given.expose(), "hunter2 ");
    let (_folder, empty) = in_file("\n");
    let (_folder, two_lines) = in_file("hunter2\n\n");
    for variables in [
        [
            ("PORTCULLIS_ADMIN_PASSWORD", "hunter2"),
            ("PORTCULLIS_ADMIN_PASSWORD_FILE", &path),
        ],
        [("PORTCULLIS_ADMIN_PASSWORD", ""), ("", "")],
        [
            ("PORTCULLIS_ADMIN_PASSWORD", &"hunter2".repeat(150)),
            ("", ""),
        ],
        [("PORTCULLIS_ADMIN_PASSWORD", "hunter2\n"), ("", "")],
        [("PORTCULLIS_ADMIN_PASSWORD", "hun\u{1b}ter2"), ("", "")],
        [("PORTCULLIS_ADMIN_PASSWORD_FILE", &two_lines), ("", "")],
        [("PORTCULLIS_ADMIN_PASSWORD_FILE", &empty), ("", "")],
        [("PORTCULLIS_ADMIN_PASSWORD_FILE", "hunter2"), ("", "")],
    ] {
        let message = password(&variables).unwrap_err().to_string();
        assert!(
            message.starts_with("variable `PORTCULLIS_ADMIN_PASSWORD"),
            "{message}"
        );
        assert!(!message.contains("hunter2"), "{message}");
    }
}

#[test]
fn peppers_come_from_one_place() {
    let text = [("PORTCULLIS_PEPPERS", "1:AAAA")];
    let settings = read_with(&[], &text).unwrap();
    assert!(matches!(&settings.peppers, Peppers::Text(text) if text.expose() == "1:AAAA"));
    assert!(!format!("{settings:?}").contains("AAAA"));
    let settings = read(&["--peppers", "/etc/peppers"]).unwrap();
    assert!(matches!(&settings.peppers, Peppers::File(path) if path.ends_with("peppers")));
    let message = read_with(&["--peppers", "/etc/peppers"], &text)
        .unwrap_err()
        .to_string();
    assert!(
        message.starts_with("variable `PORTCULLIS_PEPPERS`: "),
        "{message}"
    );
    assert!(refused(&["--peppers", ""]).starts_with("option `peppers`: "));
    let bare = "QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE=";
    for pasted in [bare, &format!("1:{bare}"), " 12:QUFB,13:QUFB"] {
        let (_folder, path) = in_file(&format!("peppers = \"{pasted}\""));
        for message in [
            refused(&["--peppers", pasted]),
            refused(&["--config", &path]),
        ] {
            assert_eq!(
                message,
                "option `peppers`: it names a file; peppers themselves go into `PORTCULLIS_PEPPERS`"
            );
        }
    }
    assert!(read(&["--peppers", "2024/peppers:1"]).is_ok());
}
