//! `select!` and `select_biased!`.

/// Waits for one of several channel operations and runs the arm of the one that was selected: `crossbeam_channel::select!`, which
/// records the wait. Of several operations that are ready, it selects one at random; [`select_biased!`](crate::sync::select_biased)
/// selects the first.
///
/// | arm | is selected |
/// |---|---|
/// | `recv(receiver) -> result => body` | when there is a message, or no sender is left: `Result<T, RecvError>` |
/// | `recv_with_context(receiver) -> result => body` | the same, with the sender's context: `Result<(T, Context), RecvError>` |
/// | `send(sender, message) -> result => body` | when there is room, or no receiver is left: `Result<(), SendError<T>>`. `message` is evaluated only then |
/// | `default => body` | when no operation is ready |
/// | `default(timeout) => body` | when no operation is ready within a [`Duration`](std::time::Duration) |
///
/// Arms are separated by commas; after a block the comma may be left out. A body may leave the loop or the function around, and
/// may assign to the variables of the channels. Plain receivers can be among the operations: `recv(after(timeout)) -> _ => ..`.
///
/// What is recorded, and what it costs: see [`Select`](crate::sync::Select).
///
/// ```
/// use heirloom_pool::sync::{after, bounded, select};
/// use std::time::Duration;
/// let (jobs, queue) = bounded(1);
/// let (results, done) = bounded(1);
/// heirloom_core::in_root("client", |_root| jobs.send("resize").unwrap());
///
/// select! {
///     recv_with_context(queue) -> job => {
///         let (job, sender) = job.unwrap();
///         sender.in_span(job, |_span| results.send(512).unwrap()); // a child of "client"
///     }
///     recv(after(Duration::from_secs(60))) -> _ => panic!("no job for a minute"),
/// }
/// let room = select! {
///     send(results, 513) -> sent => sent.is_ok(),
///     default => false,
/// };
/// assert!(!room, "the result before is still in the channel");
/// assert_eq!(done.recv(), Ok(512));
/// ```
#[macro_export]
macro_rules! select {
    ($($arms:tt)*) => {{
        let mut select = $crate::sync::Select::new();
        $crate::__sync_select!(@list select [] $($arms)*)
    }};
}

/// As [`select!`](crate::sync::select). Of several operations that are ready, it selects the one whose arm comes first.
///
/// ```
/// use heirloom_pool::sync::{select_biased, unbounded};
/// let ((urgent, first), (normal, second)) = (unbounded(), unbounded());
/// normal.send(2).unwrap();
/// urgent.send(1).unwrap();
/// let job = select_biased! {
///     recv(first) -> job => job,
///     recv(second) -> job => job,
/// };
/// assert_eq!(job, Ok(1));
/// ```
#[macro_export]
macro_rules! select_biased {
    ($($arms:tt)*) => {{
        let mut select = $crate::sync::Select::new_biased();
        $crate::__sync_select!(@list select [] $($arms)*)
    }};
}

/// The steps of `select!`: `@list` collects the arms, `@add` adds their operations, `@complete` runs the one that was selected.
#[doc(hidden)]
#[macro_export]
macro_rules! __sync_select {
    (@list $select:ident []) => {
        ::std::compile_error!("`select!` without an arm: expected `recv(..) -> .. => ..`, `send(..) -> .. => ..` or `default => ..`")
    };
    (@list $select:ident [$($arms:tt)+]) => {
        $crate::__sync_select!(@add $select [$($arms)+] () [])
    };
    (@list $select:ident [$($arms:tt)*] $arm:ident $(($($args:tt)*))? $(-> $result:pat)? => $body:block, $($rest:tt)*) => {
        $crate::__sync_select!(@list $select [$($arms)* ($arm ($($($args)*)?) [$($result)?] $body)] $($rest)*)
    };
    (@list $select:ident [$($arms:tt)*] $arm:ident $(($($args:tt)*))? $(-> $result:pat)? => $body:block $($rest:tt)*) => {
        $crate::__sync_select!(@list $select [$($arms)* ($arm ($($($args)*)?) [$($result)?] $body)] $($rest)*)
    };
    (@list $select:ident [$($arms:tt)*] $arm:ident $(($($args:tt)*))? $(-> $result:pat)? => $body:expr, $($rest:tt)*) => {
        $crate::__sync_select!(@list $select [$($arms)* ($arm ($($($args)*)?) [$($result)?] $body)] $($rest)*)
    };
    (@list $select:ident [$($arms:tt)*] $arm:ident $(($($args:tt)*))? $(-> $result:pat)? => $body:expr) => {
        $crate::__sync_select!(@list $select [$($arms)* ($arm ($($($args)*)?) [$($result)?] $body)])
    };

    // Each step has a variable `handle` and a variable `index` of its own. The handle is evaluated once and lives as long as the
    // bodies.
    (@add $select:ident [(recv ($receiver:expr $(,)?) [$result:pat] $body:expr) $($rest:tt)*] $default:tt $done:tt) => {
        $crate::__sync_select!(@receive $select recv $receiver, [$result] $body, [$($rest)*] $default $done)
    };
    (@add $select:ident [(recv_with_context ($receiver:expr $(,)?) [$result:pat] $body:expr) $($rest:tt)*] $default:tt $done:tt) => {
        $crate::__sync_select!(@receive $select recv_with_context $receiver, [$result] $body, [$($rest)*] $default $done)
    };
    (@receive $select:ident $arm:ident $receiver:expr, [$result:pat] $body:expr, [$($rest:tt)*] $default:tt [$($done:tt)*]) => {
        match $receiver {
            ref handle => {
                let handle = {
                    use $crate::sync::Receiving as _;
                    handle.receiving()
                };
                let index = $select.recv(handle);
                $crate::__sync_select!(@add $select [$($rest)*] $default [$($done)* ($arm (handle) index [$result] $body)])
            }
        }
    };
    (@add $select:ident [(send ($sender:expr, $message:expr $(,)?) [$result:pat] $body:expr) $($rest:tt)*] $default:tt [$($done:tt)*]) => {
        match $sender {
            ref handle => {
                let handle = {
                    use $crate::sync::Sending as _;
                    handle.sending()
                };
                let index = $select.send(handle);
                $crate::__sync_select!(
                    @add $select [$($rest)*] $default [$($done)* (send (handle, $message) index [$result] $body)]
                )
            }
        }
    };
    (@add $select:ident [(default ($($timeout:expr)?) [] $body:expr) $($rest:tt)*] () $done:tt) => {
        $crate::__sync_select!(@add $select [$($rest)*] (($($timeout)?) $body) $done)
    };
    (@add $select:ident [] () $done:tt) => {{
        let operation = $select.select();
        $crate::__sync_select!(@complete operation $done)
    }};
    (@add $select:ident [] (() $body:expr) $done:tt) => {{
        let selected = $select.try_select();
        $crate::__sync_select!(@otherwise selected $body, $done)
    }};
    (@add $select:ident [] (($timeout:expr) $body:expr) $done:tt) => {{
        let selected = $select.select_timeout($timeout);
        $crate::__sync_select!(@otherwise selected $body, $done)
    }};
    (@add $select:ident [$arm:tt $($rest:tt)*] $default:tt $done:tt) => {
        ::std::compile_error!(
            "an arm that `select!` doesn't know: expected `recv(receiver) -> result`, `recv_with_context(receiver) -> result`, \
             `send(sender, message) -> result`, or once `default` or `default(timeout)`"
        )
    };

    // Both branches move it, so that the body may assign to the channels' variables.
    (@otherwise $selected:ident $body:expr, $done:tt) => {
        if $selected.is_err() {
            ::std::mem::drop($selected);
            $body
        } else {
            let ::std::result::Result::Ok(operation) = $selected else { ::std::unreachable!() };
            $crate::__sync_select!(@complete operation $done)
        }
    };

    (@complete $operation:ident [($call:ident ($($args:tt)*) $index:ident [$result:pat] $body:expr) $($rest:tt)*]) => {
        if $operation.index() == $index {
            let $result = $operation.$call($($args)*);
            $body
        } else {
            $crate::__sync_select!(@complete $operation [$($rest)*])
        }
    };
    (@complete $operation:ident []) => {
        ::std::unreachable!("`Select` selected an operation that it doesn't have")
    };
}

#[cfg(test)]
mod tests {
    use crate::sync::{bounded, never, tick, unbounded, Receiver, RecvError, SendError};
    use std::cell::Cell;
    use std::time::Duration;

    /// Every form of an arm and of a body.
    fn one_of(first: &Receiver<u8>, second: &Receiver<u8>) -> Option<u8> {
        let evaluated = Cell::new(0);
        let counted = || {
            evaluated.set(evaluated.get() + 1);
            first
        };
        let got = select_biased! {
            recv(counted()) -> message => message.ok(),
            recv(second,) -> message => { message.ok() }
            default() => None,
        };
        assert_eq!(evaluated.get(), 1, "a handle is evaluated once");
        got
    }

    #[test]
    fn the_arm_of_the_operation_that_is_ready_runs() {
        let ((one, first), (other, second)) = (unbounded(), unbounded());
        assert_eq!(one_of(&first, &second), None);
        other.send(2).unwrap();
        assert_eq!(one_of(&first, &second), Some(2));
        one.send(1).unwrap();
        other.send(2).unwrap();
        assert_eq!((one_of(&first, &second), one_of(&first, &second)), (Some(1), Some(2)));
    }

    #[test]
    fn a_message_is_evaluated_only_when_it_is_sent() {
        let (sender, receiver) = bounded(1);
        let made = Cell::new(0);
        let make = || {
            made.set(made.get() + 1);
            made.get()
        };
        for _ in 0..3 {
            select! {
                send(sender, make()) -> sent => assert_eq!(sent, Ok(())),
                default(Duration::ZERO) => {}
            }
        }
        assert_eq!((made.get(), receiver.recv()), (1, Ok(1)));
    }

    #[test]
    fn a_closed_channel_is_always_ready_and_its_variable_may_be_replaced() {
        let ((pages, mut first), (jobs, mut second)) = (unbounded::<u8>(), bounded(2));
        jobs.send(1).unwrap();
        jobs.send(2).unwrap();
        drop((pages, jobs));
        let (mut sum, mut open) = (0, 2);
        while open > 0 {
            select! {
                recv(first) -> page => match page {
                    Ok(page) => sum += page,
                    Err(RecvError) => { first = never(); open -= 1 }
                },
                recv(second) -> job => {
                    let Ok(job) = job else {
                        second = never();
                        open -= 1;
                        continue;
                    };
                    sum += job;
                }
            }
        }
        assert_eq!(sum, 3);
        let (sender, receiver) = bounded(1);
        drop(receiver);
        let lost = select! { send(sender, "lost") -> sent => sent };
        assert_eq!(lost, Err(SendError("lost")));
        let mut off = never::<u8>();
        select! {
            recv(off) -> _ => {}
            default => off = never(),
        }
        assert!(off.is_empty());
    }

    #[test]
    fn one_of_several_that_are_ready_is_taken_at_random() {
        let ((one, first), (other, second)) = (unbounded(), unbounded());
        for _ in 0..200 {
            one.send(()).unwrap();
            other.send(()).unwrap();
        }
        let (mut firsts, mut seconds) = (0, 0);
        for _ in 0..200 {
            select! { recv(first) -> _ => firsts += 1, recv(second) -> _ => seconds += 1 }
        }
        assert!(firsts > 0 && seconds > 0, "{firsts} {seconds}");
    }

    #[test]
    fn plain_channels_take_part() {
        let (plain, received) = crossbeam_channel::bounded(1);
        let (_jobs, queue) = unbounded::<u8>();
        select! {
            recv(queue) -> _ => panic!("nothing was sent"),
            send(plain, 7) -> sent => sent.unwrap(),
        }
        assert_eq!(received.recv(), Ok(7));
        let ticks = tick(Duration::from_millis(1));
        select! {
            recv(queue) -> _ => panic!("nothing was sent"),
            recv(ticks) -> at => assert!(at.is_ok()),
        }
    }
}
