//! The store on MongoDB obeys the laws of every store, with Redis and without.

mod mongo {
    use crate::place::Place;

    timeline::store_contract!({
        let Some(place) = Place::on_mongo().await else { return };
        place
    });
}

mod redis_and_mongo {
    use crate::place::Place;

    timeline::store_contract!({
        let Some(place) = Place::on_redis_and_mongo().await else { return };
        place
    });
}
