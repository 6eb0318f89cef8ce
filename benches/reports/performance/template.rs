//! The texts that stay, and the figures in them.
//!
//! `{{ID}}` is the median of one of criterion's ids, in nanoseconds; `{{ID ±}}` has its confidence
//! interval beside it, `{{ID ÷ 1024}}` is a part of it, `{{ID − OTHER}}` what it is above another,
//! and `{{ID ≤ 200}}` the target with whether it is met. `{{=NAME}}` is a text by its name. What was
//! not measured is a dash.

use std::collections::BTreeMap;

use crate::{
    Failure,
    criterion::Estimates,
    numbers::{DASH, or_dash, short},
    targets::{Bound, verdict},
};

/// Texts by their names.
pub(crate) type Texts = BTreeMap<&'static str, String>;

pub(crate) fn fill(
    template: &str,
    estimates: &Estimates,
    texts: &Texts,
) -> Result<String, Failure> {
    let mut filled = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once("{{") {
        let (field, after) = after.split_once("}}").ok_or("a field has no end")?;
        filled.push_str(before);
        match field.strip_prefix('=') {
            Some(name) => {
                let text = texts.get(name).ok_or_else(|| format!("no text `{name}`"))?;
                filled.push_str(text.trim_end());
            }
            None => filled.push_str(&figure(field, estimates)?),
        }
        rest = after;
    }
    filled.push_str(rest);
    Ok(filled)
}

/// Breaks the lines of paragraphs that are longer than the others; tables and pictures stay.
pub(crate) fn wrapped(text: &str) -> String {
    const WIDTH: usize = 100;
    let mut lines = Vec::new();
    for line in text.lines() {
        if line.starts_with(['|', '!']) || line.chars().count() <= WIDTH {
            lines.push(line.to_owned());
            continue;
        }
        let mut current = String::new();
        for word in line.split(' ') {
            let needed = current.chars().count() + 1 + word.chars().count();
            if !current.is_empty() && needed > WIDTH {
                lines.push(std::mem::take(&mut current));
            }
            if !current.is_empty() {
                current.push(' ');
            }
            current.push_str(word);
        }
        lines.push(current);
    }
    lines.join("\n") + "\n"
}

fn figure(field: &str, estimates: &Estimates) -> Result<String, Failure> {
    if let Some(id) = field.strip_suffix(" ±") {
        let figure = estimates.get(id).map(|found| {
            let [median, low, high] = [found.median, found.low, found.high].map(short);
            format!("{median} ({low} to {high})")
        });
        return Ok(figure.unwrap_or_else(|| DASH.to_owned()));
    }
    if let Some((id, wanted)) = field.split_once(" ≤ ") {
        let target: f64 = wanted.parse()?;
        let verdict = value(id, estimates)?.map(|value| verdict(value, Bound::AtMost, target));
        let verdict = verdict.map_or_else(String::new, |verdict| format!(", {verdict}"));
        return Ok(format!("{wanted}{verdict}"));
    }
    Ok(or_dash(value(field, estimates)?))
}

fn value(field: &str, estimates: &Estimates) -> Result<Option<f64>, Failure> {
    if let Some((id, parts)) = field.split_once(" ÷ ") {
        let parts: f64 = parts.parse()?;
        return Ok(value(id, estimates)?.map(|value| value / parts));
    }
    Ok(match field.split_once(" − ") {
        Some((id, of)) => estimates.net(id, of),
        None => estimates.median(field),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn estimates() -> Estimates {
        let mut estimates = Estimates::default();
        estimates.set("layer/bare", 90.5);
        estimates.set("layer/ours: key, scope", 490.5);
        estimates
    }

    #[test]
    fn fields_are_figures_and_what_is_missing_is_a_dash() {
        for (field, expected) in [
            ("layer/ours: key, scope", "490"),
            ("layer/ours: key, scope ±", "490 (490 to 490)"),
            ("layer/ours: key, scope ÷ 10", "49"),
            ("layer/ours: key, scope − layer/bare", "400"),
            ("layer/ours: key, scope − layer/bare ≤ 400", "400, met"),
            ("layer/ours: key, scope ≤ 400", "400, **missed**"),
            ("layer/theirs", "–"),
            ("layer/theirs ±", "–"),
            ("layer/theirs − layer/bare", "–"),
            ("layer/theirs ≤ 400", "400"),
        ] {
            let template = format!("| {{{{{field}}}}} |");
            let filled = fill(&template, &estimates(), &Texts::new()).unwrap();
            assert_eq!(filled, format!("| {expected} |"), "{field}");
        }
    }

    #[test]
    fn texts_are_found_by_name_or_refused() {
        let texts = Texts::from([("machine", "a machine\n".to_owned())]);
        let fill = |template| fill(template, &estimates(), &texts);
        assert_eq!(fill("on {{=machine}}.").unwrap(), "on a machine.");
        assert!(fill("on {{=machines}}.").is_err());
        assert!(fill("on {{=machine").is_err());
    }

    #[test]
    fn paragraphs_are_wrapped_and_tables_are_not() {
        let row = format!("| {} |", "a ".repeat(80));
        let text = format!("{row}\n\n{}end\n", "word ".repeat(40));
        let wrapped = wrapped(&text);
        assert!(wrapped.starts_with(&row));
        assert!(wrapped.lines().skip(1).all(|line| line.len() <= 100));
        assert_eq!(
            wrapped.split_whitespace().count(),
            text.split_whitespace().count()
        );
        assert_eq!(wrapped.lines().count(), 5);
    }
}
