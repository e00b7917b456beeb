//! Numbers of the format. Each is defined once, and listed at the same place.
//!
//! The macros here define a number and add it to a list, and [`FINGERPRINT`](super::FINGERPRINT) covers the lists. So a
//! new or changed number changes the fingerprint, and two builds with different numbers reject each other.

/// A number of the format, and its name.
pub(crate) type Number = (&'static str, u64);

/// An enum whose numbers are part of the format, with the list `NUMBERS` of all of them. `of` behind its type adds a function
/// that finds a variant by its number.
macro_rules! numbered {
    ($(#[$doc:meta])* $vis:vis enum $name:ident: $repr:ident {
        $($(#[$each:meta])* $variant:ident = $number:expr,)*
    }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr($repr)]
        $vis enum $name { $($(#[$each])* $variant = $number,)* }

        impl $name {
            /// All of them.
            $vis const NUMBERS: &'static [$crate::wire::Number] =
                &[$((stringify!($variant), $name::$variant as u64)),*];
        }
    };
    ($(#[$doc:meta])* $vis:vis enum $name:ident: $repr:ident, of {
        $($(#[$each:meta])* $variant:ident = $number:expr,)*
    }) => {
        numbered! { $(#[$doc])* $vis enum $name: $repr { $($(#[$each])* $variant = $number,)* } }

        impl $name {
            /// The variant with this number. None has zero.
            #[inline]
            $vis const fn of(number: $repr) -> Option<Self> {
                $(if number == $name::$variant as $repr {
                    return Some($name::$variant);
                })*
                None
            }
        }
    };
}

/// The flags of a record's header, as constants of its type, with the list `FLAGS` of all of them.
macro_rules! flags {
    (impl $record:ty { $($(#[$each:meta])* $flag:ident = $value:expr;)* }) => {
        impl $record {
            $($(#[$each])* pub(crate) const $flag: u16 = $value;)*
            /// All of them.
            pub(crate) const FLAGS: &'static [$crate::wire::Number] =
                &[$((stringify!($flag), Self::$flag as u64)),*];
        }
    };
}

pub(crate) use {flags, numbered};
