//! Which of the two bodies a client prefers.

/// Whether an `Accept` header prefers `application/problem+json` to `application/json`.
///
/// RFC 9110 §12.5.1: the most specific range decides the weight of a type, and the higher weight
/// wins. At equal weights the type that is named more specifically wins (`application/problem+json,
/// */*` asks for a problem document), and at a tie JSON. Parameters of a range other than `q` are
/// ignored. An element that is malformed counts for nothing; an error has a body even where
/// neither type is acceptable, and it is the JSON one.
pub(crate) fn prefers_problem(accept: &[u8]) -> bool {
    let mut problem = Preference::default();
    let mut json = Preference::default();
    for element in split_outside_quotes(accept, b',') {
        let Some((range, weight)) = media_range(element) else {
            continue;
        };
        problem.consider(range, b"problem+json", weight);
        json.consider(range, b"json", weight);
    }
    problem.weight > 0 && (problem.weight, problem.specificity) > (json.weight, json.specificity)
}

/// The weight (in thousandths) of one media type, and how specific the range that gave it is.
#[derive(Default)]
struct Preference {
    specificity: u8,
    weight: u16,
}

impl Preference {
    fn consider(&mut self, range: &[u8], subtype: &[u8], weight: u16) {
        let specificity = match range
            .split(|&byte| byte == b'/')
            .collect::<Vec<_>>()
            .as_slice()
        {
            [b"*", b"*"] => 1,
            [kind, b"*"] if kind.eq_ignore_ascii_case(b"application") => 2,
            [kind, sub]
                if kind.eq_ignore_ascii_case(b"application")
                    && sub.eq_ignore_ascii_case(subtype) =>
            {
                3
            }
            _ => return,
        };
        if (specificity, weight) > (self.specificity, self.weight) {
            *self = Self {
                specificity,
                weight,
            };
        }
    }
}

/// A media range without its parameters, and its weight in thousandths.
fn media_range(element: &[u8]) -> Option<(&[u8], u16)> {
    let mut parts = split_outside_quotes(element, b';').map(<[u8]>::trim_ascii);
    let range = parts.next()?;
    for part in parts {
        if let Some((b"q" | b"Q", value)) = split_once(part, b'=') {
            return Some((range, weight(value)?));
        }
    }
    Some((range, 1000))
}

/// `qvalue` of RFC 9110 §12.4.2: `0` to `1` with at most three digits after the point.
fn weight(text: &[u8]) -> Option<u16> {
    let (whole, fraction) = match text {
        [whole] => (whole, [].as_slice()),
        [whole, b'.', fraction @ ..] if fraction.len() <= 3 => (whole, fraction),
        _ => return None,
    };
    let mut thousandths = match whole {
        b'0' => 0,
        b'1' => 1000,
        _ => return None,
    };
    for (digit, unit) in fraction.iter().zip([100, 10, 1]) {
        if !digit.is_ascii_digit() {
            return None;
        }
        thousandths += u16::from(digit - b'0') * unit;
    }
    (thousandths <= 1000).then_some(thousandths)
}

/// Splits at a separator that isn't inside a quoted-string.
fn split_outside_quotes(text: &[u8], separator: u8) -> impl Iterator<Item = &[u8]> {
    let mut quoted = false;
    let mut escaped = false;
    text.split(move |&byte| {
        if escaped {
            escaped = false;
        } else if quoted && byte == b'\\' {
            escaped = true;
        } else if byte == b'"' {
            quoted = !quoted;
        } else {
            return byte == separator && !quoted;
        }
        false
    })
}

fn split_once(text: &[u8], separator: u8) -> Option<(&[u8], &[u8])> {
    let at = text.iter().position(|&byte| byte == separator)?;
    let (name, value) = text.split_at(at);
    Some((name.trim_ascii_end(), value.get(1..)?.trim_ascii_start()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By hand from RFC 9110 §12.4.2 and §12.5.1.
    #[test]
    fn weights_decide_then_specificity_then_json() {
        let cases: [(&str, bool); 34] = [
            ("application/problem+json", true),
            ("APPLICATION/Problem+JSON", true),
            ("application/problem+json;charset=utf-8", true),
            ("application/problem+json, application/json;q=0.9", true),
            ("application/json;q=0.9,application/problem+json", true),
            (
                "application/json; q=0.5 , application/problem+json ; Q=0.501",
                true,
            ),
            ("application/problem+json;q=0.5, text/html", true),
            ("application/problem+json, */*", true),
            ("*/*, application/problem+json", true),
            ("application/*, application/problem+json", true),
            ("application/problem+json;q=0.1, application/json;q=0", true),
            ("application/problem+json;q=0.001", true),
            (
                "text/x;note=\"a,application/json\", application/problem+json",
                true,
            ),
            (
                "application/problem+json, application/json;q=0.9, */*;q=1",
                true,
            ),
            ("application/json;q=0, */*", true),
            ("", false),
            ("*/*", false),
            ("application/*", false),
            ("application/json", false),
            ("text/html", false),
            ("application/json, application/problem+json", false),
            ("application/problem+json, application/json", false),
            ("application/problem+json;q=0.5, application/json", false),
            ("application/problem+json;q=0.5, */*", false),
            ("application/problem+json;q=0", false),
            ("application/problem+json;q=0.000, text/html", false),
            ("application/problem+json;q=2", false),
            ("application/problem+json;q=1.001", false),
            ("application/problem+json;q=0.0001", false),
            ("application/problem+json;q=", false),
            ("application/problem+json;q=-1", false),
            ("text/x;note=\"a\\\",application/problem+json\"", false),
            ("application/problem+json/x", false),
            ("application/problem+xml, \u{e9}", false),
        ];
        for (accept, expected) in cases {
            assert_eq!(prefers_problem(accept.as_bytes()), expected, "{accept}");
        }
    }
}
