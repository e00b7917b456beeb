//! [`TryItem`]: the return types of a closure of `try_for_each`.

use ::rayon::iter::ParallelIterator;
use std::ops::ControlFlow;

/// The return types of a closure of `try_for_each`: `Result<(), E>`, `Option<()>` or `ControlFlow<B>`.
///
/// Rayon's bound can't be named outside of rayon, so this trait lists the same three types. It can't be implemented for others.
pub trait TryItem: Send + sealed::Sealed {
    #[doc(hidden)]
    fn try_for_each<I, F>(iter: I, f: F) -> Self
    where
        I: ParallelIterator,
        F: Fn(I::Item) -> Self + Send + Sync;
}

mod sealed {
    pub trait Sealed {}
}

macro_rules! try_item {
    ($($generic:ident)? => $type:ty) => {
        impl<$($generic: Send)?> sealed::Sealed for $type {}
        impl<$($generic: Send)?> TryItem for $type {
            #[inline]
            fn try_for_each<I, F>(iter: I, f: F) -> Self
            where
                I: ParallelIterator,
                F: Fn(I::Item) -> Self + Send + Sync,
            {
                iter.try_for_each(f)
            }
        }
    };
}

try_item!(E => Result<(), E>);
try_item!(=> Option<()>);
try_item!(B => ControlFlow<B>);
