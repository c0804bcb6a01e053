//! Several probes at once, a few at a time: together they take hardly longer than the slowest.

use futures_util::stream::{self, StreamExt};

/// Awaits all, at most `limit` at a time, and gives what each gave in the order they were handed in.
pub async fn together<F: Future>(limit: usize, probes: impl IntoIterator<Item = F>) -> Vec<F::Output> {
    stream::iter(probes).buffered(limit.max(1)).collect().await
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use tokio::sync::Barrier;
    use tokio::task::yield_now;

    use super::*;

    #[tokio::test]
    async fn all_are_under_way_at_once_and_keep_their_order() {
        let all_here = Barrier::new(8);
        let probe = |number: u8| {
            let all_here = &all_here;
            // None passes before the last one has begun.
            async move {
                all_here.wait().await;
                number
            }
        };
        assert_eq!(together(8, (0..8).map(probe)).await, (0..8).collect::<Vec<_>>());
    }

    #[tokio::test]
    async fn never_more_than_the_limit_are_under_way() {
        let (now, most) = (Cell::new(0), Cell::new(0));
        let probe = |_| async {
            now.set(now.get() + 1);
            most.set(most.get().max(now.get()));
            yield_now().await;
            now.set(now.get() - 1);
        };
        together(3, (0..10).map(probe)).await;
        assert_eq!(most.get(), 3);
    }
}
