//! What each step decides, natively.

use gd_guest::{Transition, testing};

use super::*;

fn order(quantities: &[u32]) -> Order {
    let lines: Vec<Value> =
        quantities.iter().map(|quantity| json!({ "article": "A", "quantity": quantity, "cents": 250 })).collect();
    serde_json::from_value(json!({ "order": 7, "customer": "Ada", "lines": lines })).unwrap()
}

#[test]
fn an_order_comes_to_its_end_in_five_steps() {
    let ctx = testing::ctx();
    let start = order(&[4, 7]);
    let outcome = Order::receive.call(start.clone(), &ctx).unwrap();
    assert_eq!(outcome.step(), Some("reserve"));
    assert_eq!(Order::reserve.call(start.clone(), &ctx).unwrap().step(), Some("pack"));
    assert_eq!(Order::pack.call(start.clone(), &ctx).unwrap().step(), Some("ship"));
    assert_eq!(Order::ship.call(start, &ctx).unwrap().step(), Some("close"));
    let ready = Order { total_cents: 2_750, units: 11, parcels: 2, ..order(&[4, 7]) };
    let result = Order::close.call(ready, &ctx).unwrap().result::<Value>().unwrap();
    assert_eq!(result, json!({ "order": 7, "total_cents": 2_750, "parcels": 2 }));
}

#[test]
fn an_order_without_lines_stops() {
    let outcome = Order::receive.call(order(&[]), &testing::ctx()).unwrap();
    let Transition::Stop(reason) = outcome.transition() else { panic!("{outcome:?}") };
    assert_eq!(reason.code.as_deref(), Some("empty-order"));
}
