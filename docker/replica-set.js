// Makes one replica set of the MongoDBs of compose.yaml, unless they are one, and waits for its
// primary.

const members = ['mongo-1', 'mongo-2', 'mongo-3'].map((name, id) => ({ _id: id, host: `${name}:27017` }));

try {
    rs.status();
} catch (error) {
    // Any other error ends the script, and with it the start.
    if (error.codeName !== 'NotYetInitialized') throw error;
    rs.initiate({ _id: 'rs0', members });
}

const end = Date.now() + 60_000;
while (!rs.status().members.some(({ stateStr }) => stateStr === 'PRIMARY')) {
    if (Date.now() > end) throw new Error('the replica set has no primary within a minute');
    sleep(250);
}
print('the replica set rs0 has a primary');
