//! Credits by the request's id: in the store's ledger, or of a service elsewhere.

use std::sync::{Arc, Mutex, atomic::Ordering};

use http::Response;
use portcullis_core::{BoxFuture, RequestId};
use portcullis_gate::{Access, ActualPrice, Gate};
use portcullis_registry::{
    Actor, Charge, Credits, Ending, LedgerKind, Options, Plan, ReserveError, StoreError, Verifier,
};

use crate::bed::{Bed, READ, acme, bed, catalogue, code, denial, pass};

/// A billing service: what it was asked, and what it answers.
#[derive(Debug, Default)]
struct Billing {
    asked: Mutex<Vec<String>>,
    refuses: std::sync::atomic::AtomicU8,
}

impl Billing {
    fn note(&self, what: String) {
        self.asked.lock().unwrap().push(what);
    }

    fn asked(&self) -> Vec<String> {
        std::mem::take(&mut *self.asked.lock().unwrap())
    }
}

impl Credits for Billing {
    fn reserve(&self, charge: Charge) -> BoxFuture<'_, Result<(), ReserveError>> {
        let Charge {
            id,
            owner,
            amount,
            note,
        } = charge;
        self.note(format!("reserve {id} {owner} {amount} {note}"));
        let answer = match self.refuses.load(Ordering::SeqCst) {
            0 => Ok(()),
            1 => Err(ReserveError::TooFew { balance: 0 }),
            2 => Err(ReserveError::Taken),
            _ => Err(StoreError::transient("could not ask", "it is away").into()),
        };
        Box::pin(std::future::ready(answer))
    }

    fn settle(&self, id: RequestId, amount: u32) -> BoxFuture<'_, Result<(), StoreError>> {
        self.note(format!("settle {id} {amount}"));
        Box::pin(std::future::ready(Ok(())))
    }

    fn release(&self, id: RequestId) -> BoxFuture<'_, Result<(), StoreError>> {
        self.note(format!("release {id}"));
        Box::pin(std::future::ready(Ok(())))
    }

    fn leave(&self, ending: Ending) {
        self.note(match ending {
            Ending::Settle { id, amount } => format!("later settle {id} {amount}"),
            Ending::Release { id } => format!("later release {id}"),
        });
    }
}

/// A gate at an edge, whose prices a service takes.
async fn at_edge(bed: &Bed) -> (Gate, Arc<Billing>) {
    let clock: Arc<dyn portcullis_core::Clock> =
        Arc::<portcullis_core::ManualClock>::clone(&bed.clock);
    let opened = Verifier::open_with(
        Arc::clone(&bed.store),
        *bed.registry.format(),
        catalogue(),
        bed.registry.peppers().clone(),
        Options::new().with_clock(clock),
    );
    let (verifier, _driver) = opened.await.unwrap();
    let billing = Arc::new(Billing::default());
    let credits: Arc<dyn Credits> = Arc::<Billing>::clone(&billing);
    (Gate::at_edge(verifier).with_credits(credits), billing)
}

fn answer(status: u16) -> Response<()> {
    Response::builder().status(status).body(()).unwrap()
}

#[tokio::test]
async fn an_edge_takes_prices_from_a_service_by_the_id_of_the_request() {
    let bed = bed().await;
    let token = bed.key(&[READ]).await;
    let (gate, billing) = at_edge(&bed).await;
    assert!(gate.registry().is_none() && gate.credits().is_some());
    let writes = bed.store.accesses().1;
    let guard = gate.guard(Access::scope(READ).with_price(3)).unwrap();
    for (status, actual, end) in [
        (200, None, "settle ID 3"),
        (200, Some(1), "settle ID 1"),
        // At most the price, whoever takes it.
        (200, Some(9), "settle ID 3"),
        (404, None, "release ID"),
    ] {
        let passed = pass(&guard, &token).await;
        let id = passed.request_id().unwrap().to_string();
        let reserved = format!("reserve {id} acme 3 GET /posts");
        assert_eq!(billing.asked(), [reserved]);
        let mut answer = answer(status);
        if let Some(price) = actual {
            answer.extensions_mut().insert(ActualPrice(price));
        }
        passed.finish(&mut answer).await;
        assert_eq!(answer.headers()["x-request-id"], id);
        assert_eq!(billing.asked(), [end.replace("ID", &id)]);
    }
    let passed = pass(&guard, &token).await;
    let id = passed.request_id().unwrap();
    drop(passed);
    let asked = billing.asked();
    assert_eq!(asked.last(), Some(&format!("later settle {id} 3")));
    assert_eq!(bed.store.accesses().1, writes, "the store was not written");
}

#[tokio::test]
async fn what_the_service_says_is_the_answer() {
    let bed = bed().await;
    let token = bed.key(&[READ]).await;
    let (gate, billing) = at_edge(&bed).await;
    let guard = gate.guard(Access::scope(READ).with_price(3)).unwrap();
    for (refuses, expected, later) in [
        (1, "insufficient_credits", false),
        (2, "unavailable", false),
        (3, "unavailable", true),
    ] {
        billing.refuses.store(refuses, Ordering::SeqCst);
        assert_eq!(denial(&guard, &token).await.code(), expected);
        let asked = billing.asked();
        // Whether it was set aside is not known: it is given back in any case.
        let is_left = asked.iter().any(|what| what.starts_with("later release"));
        assert_eq!(is_left, later, "{asked:?}");
    }
}

#[tokio::test]
async fn a_registrys_gate_may_have_its_credits_elsewhere() {
    let bed = bed().await;
    bed.credits(10).await;
    let token = bed.key(&[READ]).await;
    let billing = Arc::new(Billing::default());
    let credits: Arc<dyn Credits> = Arc::<Billing>::clone(&billing);
    let gate = bed.gate().with_credits(credits);
    let guard = gate.guard(Access::scope(READ).with_price(3)).unwrap();
    pass(&guard, &token).await.finish(&mut answer(200)).await;
    assert_eq!(billing.asked().len(), 2);
    assert_eq!(bed.balance().await, 10);
}

#[tokio::test]
async fn the_line_of_a_charge_has_the_id_of_its_answer() {
    let bed = bed().await;
    bed.credits(10).await;
    let token = bed.key(&[READ]).await;
    let guard = bed.guard(Access::scope(READ).with_price(3));
    let mut answer = answer(200);
    pass(&guard, &token).await.finish(&mut answer).await;
    let ledger = bed.store.memory().ledger(&acme());
    let line = ledger.last().unwrap();
    assert_eq!((line.kind, line.amount), (LedgerKind::Charge, -3));
    let id = line.request.unwrap().to_string();
    assert_eq!(answer.headers()["x-request-id"], id);
}

#[tokio::test]
async fn who_pays_afterwards_never_gets_a_402() {
    let bed = bed().await;
    bed.credits(1).await;
    let token = bed.key(&[READ]).await;
    let guard = bed.guard(Access::scope(READ).with_price(3));
    assert_eq!(code(&guard, &token).await, "insufficient_credits");
    let plan = Plan::new("invoice".parse().unwrap()).post_paid();
    let system = Actor::dangerous_system();
    bed.registry
        .set_plan(&system, &acme(), Some(plan))
        .await
        .unwrap();
    for balance in [-2, -5] {
        pass(&guard, &token).await.finish(&mut answer(200)).await;
        assert_eq!(bed.balance().await, balance);
    }
}
