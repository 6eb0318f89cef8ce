//! What the `catalogue!` macro expands to, checked by const evaluation.

use super::{Catalogue, SCOPES_MAX};
use crate::scope::Scope;

/// A scope as the macro declares it.
#[derive(Debug)]
pub struct Declaration {
    /// Its name.
    pub scope: Scope,
    /// What it allows.
    pub description: &'static str,
    /// What it implies.
    pub implies: &'static [Scope],
}

/// All that the macro declares.
#[derive(Debug)]
pub struct Declarations {
    /// The scopes, in order.
    pub scopes: &'static [Declaration],
    /// Names that were given up.
    pub retired: &'static [Scope],
    /// Old names and new ones.
    pub renamed: &'static [(Scope, Scope)],
}

/// Refuses to compile what a builder would refuse to build.
///
/// # Panics
/// If two names are equal, a scope implies one that isn't declared above it, a given-up name is
/// declared, or there are more than 256 scopes.
// The caller is the declaration, which is where the error belongs.
#[track_caller]
pub const fn check(declared: &Declarations) {
    // From the last to the first, so that what remains is what stands above.
    let mut above = declared.scopes;
    while let [earlier @ .., last] = above {
        above = earlier;
        if above.len() >= SCOPES_MAX {
            refuse(
                &last.scope,
                "is one more than the 256 scopes that a catalogue can have",
            );
        }
        if declares(above, &last.scope) {
            refuse(&last.scope, "is declared twice");
        }
        if contains(declared.retired, &last.scope) || was_renamed(declared.renamed, &last.scope) {
            refuse(&last.scope, "was given up and can't be declared again");
        }
        let mut implies = last.implies;
        while let [implied, others @ ..] = implies {
            implies = others;
            if !declares(above, implied) {
                refuse(
                    &last.scope,
                    "may imply only scopes that are declared above it",
                );
            }
        }
    }
    let mut renamed = declared.renamed;
    while let [(old, _), others @ ..] = renamed {
        renamed = others;
        if contains(declared.retired, old) || was_renamed(others, old) {
            refuse(old, "is given up twice");
        }
    }
}

/// The longest message: a scope, its quotes, and why it is refused.
const MESSAGE_MAX: usize = 160;

/// Stops the compilation with a message that names the scope.
#[track_caller]
#[expect(clippy::panic, reason = "const evaluation has no other way to refuse")]
const fn refuse(scope: &Scope, why: &str) -> ! {
    let mut message = [b' '; MESSAGE_MAX];
    let mut room: &mut [u8] = &mut message;
    let mut parts: &[&[u8]] = &[b"`", scope.static_bytes(), b"` ", why.as_bytes()];
    while let [part, others @ ..] = parts {
        parts = others;
        let mut bytes = *part;
        while let [byte, rest @ ..] = bytes
            && let [slot, free @ ..] = room
        {
            *slot = *byte;
            (bytes, room) = (rest, free);
        }
    }
    match std::str::from_utf8(message.trim_ascii_end()) {
        Ok(message) => panic!("{}", message),
        Err(_) => panic!("a scope is refused"),
    }
}

/// The catalogue of checked declarations.
#[must_use]
pub fn compile(declared: &'static Declarations) -> Catalogue {
    let scopes = declared.scopes.iter().map(|declaration| {
        let implies = declaration.implies.to_vec();
        (
            declaration.scope.clone(),
            declaration.description.into(),
            implies,
        )
    });
    Catalogue::compile(scopes, declared.retired.to_vec(), declared.renamed.to_vec())
}

const fn declares(mut scopes: &[Declaration], scope: &Scope) -> bool {
    while let [first, rest @ ..] = scopes {
        if same(&first.scope, scope) {
            return true;
        }
        scopes = rest;
    }
    false
}

const fn contains(mut scopes: &[Scope], scope: &Scope) -> bool {
    while let [first, rest @ ..] = scopes {
        if same(first, scope) {
            return true;
        }
        scopes = rest;
    }
    false
}

const fn was_renamed(mut renamed: &[(Scope, Scope)], scope: &Scope) -> bool {
    while let [(old, _), rest @ ..] = renamed {
        if same(old, scope) {
            return true;
        }
        renamed = rest;
    }
    false
}

const fn same(one: &Scope, other: &Scope) -> bool {
    let (mut one, mut other) = (one.static_bytes(), other.static_bytes());
    if one.len() != other.len() {
        return false;
    }
    // From the end, where names differ sooner.
    while let ([one_rest @ .., a], [other_rest @ .., b]) = (one, other) {
        if *a != *b {
            return false;
        }
        (one, other) = (one_rest, other_rest);
    }
    true
}

/// Declares the catalogue of a service, checked while compiling.
///
/// It makes a unit type with a documented constant of type [`Scope`](crate::Scope) for each scope
/// and a function `catalogue()` that gives the [`Catalogue`](crate::Catalogue), built once. A
/// malformed name, a name declared twice, a name that isn't declared, one that was given up, and a
/// scope that implies itself or one below it don't compile.
///
/// # Syntax
/// Each scope is `CONSTANT = "resource:action", "description";`, with `=> OTHER` or `=> [A, B]`
/// after the name for what it implies. Names that were given up may follow in blocks of their own.
///
/// # Examples
/// ```
/// portcullis_scope::catalogue! {
///     /// What may be done here.
///     pub Social {
///         POSTS_READ = "posts:read", "List and retrieve posts";
///         POSTS_WRITE = "posts:write" => POSTS_READ, "Create, update and delete posts";
///         ADMIN = "service:admin" => [POSTS_WRITE], "Everything";
///     }
///     retired { "posts:purge" }
///     renamed { "posts:edit" => POSTS_WRITE }
/// }
///
/// let catalogue = Social::catalogue();
/// assert_eq!(catalogue.len(), 3);
/// assert_eq!(catalogue.set([Social::ADMIN]), Ok(catalogue.all()));
/// ```
/// ```compile_fail
/// portcullis_scope::catalogue! {
///     pub Social {
///         POSTS_WRITE = "posts:write" => POSTS_READ, "Dangling";
///     }
/// }
/// ```
#[macro_export]
macro_rules! catalogue {
    (@implies) => { &[] };
    (@implies [$($implied:ident),* $(,)?]) => { &[$(Self::$implied),*] };
    (@implies $implied:ident) => { &[Self::$implied] };
    (
        $(#[$meta:meta])*
        $visibility:vis $catalogue:ident {
            $(
                $(#[$scope_meta:meta])*
                $constant:ident = $name:literal $(=> $implied:tt)?, $description:literal
            );+ $(;)?
        }
        $(retired { $($retired:literal),* $(,)? })?
        $(renamed { $($old:literal => $new:ident),* $(,)? })?
    ) => {
        $(#[$meta])*
        #[doc = concat!("\nThe declared scopes of the catalogue `", stringify!($catalogue), "`.")]
        #[derive(Clone, Copy, Debug)]
        $visibility struct $catalogue;

        impl $catalogue {
            $(
                #[doc = concat!("`", $name, "`: ", $description, ".")]
                $(#[$scope_meta])*
                pub const $constant: $crate::Scope = $crate::Scope::from_static($name);
            )+

            #[doc(hidden)]
            const __DECLARED: &'static $crate::__private::Declarations =
                &$crate::__private::Declarations {
                    scopes: &[$(
                        $crate::__private::Declaration {
                            scope: Self::$constant,
                            description: $description,
                            implies: $crate::catalogue!(@implies $($implied)?),
                        }
                    ),+],
                    retired: &[$($($crate::Scope::from_static($retired)),*)?],
                    renamed: &[$($(($crate::Scope::from_static($old), Self::$new)),*)?],
                };

            /// The catalogue of these scopes, built when first asked for.
            #[must_use]
            pub fn catalogue() -> $crate::Catalogue {
                static BUILT: ::std::sync::OnceLock<$crate::Catalogue> =
                    ::std::sync::OnceLock::new();
                BUILT
                    .get_or_init(|| $crate::__private::compile(Self::__DECLARED))
                    .clone()
            }
        }

        const _: () = $crate::__private::check($catalogue::__DECLARED);
    };
}
