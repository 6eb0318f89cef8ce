//! Which pictures there are, and of what.

use crate::{
    Failure,
    criterion::Estimates,
    document::{BARE, Figures, GOVERNOR_KEYS, HOT, LAYER, OUR_KEYS, TOWER_GOVERNOR},
    plots::{Axes, Bar, Scale, bars, lines},
};

/// A picture, if what it shows was measured.
pub(crate) struct Picture {
    /// In the name of its file.
    pub(crate) name: &'static str,
    /// Where it stands in the texts.
    pub(crate) field: &'static str,
    pub(crate) title: &'static str,
    pub(crate) svg: Option<String>,
}

/// In the order of a check.
const STAGES: [(&str, &str); 6] = [
    ("read the credential", "read the credential"),
    ("recognise, and its id", "recognise, and its id"),
    (
        "look up, MAC and compare, clock",
        "look up, MAC, compare, clock",
    ),
    ("scope", "scope"),
    ("window", "window"),
    ("headers", "headers, once it has passed"),
];

pub(crate) fn of(figures: &Figures) -> Result<[Picture; 4], Failure> {
    let estimates = &figures.estimates;
    let picture = |name, field, title, svg| Picture {
        name,
        field,
        title,
        svg,
    };
    let stages = drawn(
        "Nanoseconds by stage",
        "ns",
        Scale::Linear,
        &stages(estimates),
    )?;
    let title = "Beside peers, which do less: see the table";
    let peers = drawn(
        title,
        "ns, by orders of magnitude",
        Scale::Log,
        &peers(estimates),
    )?;
    let threads = figures.threads.as_ref().map(|threads| {
        let axes = Axes {
            title: "Decisions a second by threads",
            x: "threads",
            y: "millions a second",
            x_scale: Scale::Linear,
        };
        lines(&axes, &threads.lines())
    });
    Ok([
        picture("stages", "stages picture", "Nanoseconds by stage", stages),
        picture("peers", "peers picture", "Nanoseconds beside peers", peers),
        picture(
            "keys",
            "keys picture",
            "Nanoseconds by keys",
            keys(estimates)?,
        ),
        picture(
            "threads",
            "threads picture",
            "Decisions a second by threads",
            threads.transpose()?,
        ),
    ])
}

fn drawn(title: &str, unit: &str, scale: Scale, shown: &[Bar]) -> Result<Option<String>, Failure> {
    if shown.is_empty() {
        return Ok(None);
    }
    bars(title, unit, scale, shown).map(Some)
}

fn stages(estimates: &Estimates) -> Vec<Bar> {
    let bar = |(id, name): (&str, &str)| {
        Some(Bar {
            name: name.to_owned(),
            value: estimates.median(&format!("stages/{id}"))?,
            is_ours: true,
        })
    };
    STAGES.into_iter().filter_map(bar).collect()
}

fn peers(estimates: &Estimates) -> Vec<Bar> {
    let net = |id| estimates.net(id, BARE);
    let one = |id| estimates.median(id);
    let jsonwebtoken = "jsonwebtoken/decode HS256 (MAC, JSON claims, expiry)";
    let prefixed = "prefixed-api-key/from_string + check_hash (plain SHA-256)";
    let casbin = "casbin/enforce, 1 policy, covered by inheritance";
    let cedar = "cedar-policy/is_authorized, 1 policy, covered by inheritance";
    let all = [
        ("ours: the whole decision", one(HOT)),
        ("ours: tower layer, with headers", net(LAYER)),
        ("tower_governor: a limit, with headers", net(TOWER_GOVERNOR)),
        (
            "tower-http: a fixed bearer",
            net("tower layer/tower-http: static bearer"),
        ),
        (
            "governor: a limit",
            one("one partition/governor (foldhash), u64"),
        ),
        (
            "limitador: a limit",
            one("limitador/check and update, 20 characters"),
        ),
        ("prefixed-api-key: a hash", one(prefixed)),
        ("jsonwebtoken: a MAC and claims", one(jsonwebtoken)),
        ("casbin: a policy", one(casbin)),
        ("cedar-policy: a policy", one(cedar)),
    ];
    let bars = all.into_iter().filter_map(|(name, value)| {
        Some(Bar {
            name: name.to_owned(),
            value: value?,
            is_ours: name.starts_with("ours"),
        })
    });
    bars.collect()
}

fn keys(estimates: &Estimates) -> Result<Option<String>, Failure> {
    let named = [
        ("ours: the whole decision", OUR_KEYS),
        ("governor: the limit alone", GOVERNOR_KEYS),
    ];
    let line = |(name, id): (&str, &str)| {
        let points = estimates.by_number(id).into_iter();
        let points = points.map(|(number, median)| (f64::from(number), median));
        (name.to_owned(), points.collect::<Vec<_>>())
    };
    let all = named.map(line);
    if all.iter().all(|(_, points)| points.is_empty()) {
        return Ok(None);
    }
    let axes = Axes {
        title: "Nanoseconds by the number of keys, each as likely as the others",
        x: "keys, by orders of magnitude",
        y: "ns",
        x_scale: Scale::Log,
    };
    lines(&axes, &all).map(Some)
}
