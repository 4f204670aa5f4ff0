#!/usr/bin/env python3
# Sends two records as Protobuf JSON, waits for the receipt: CAREDATA_KAFKA_BOOTSTRAP_SERVERS=… python3 connector.py A81001
import datetime, hashlib, json, os, sys, time
from confluent_kafka import OFFSET_BEGINNING, Consumer, Producer, TopicPartition

organisation, now = sys.argv[1], time.time_ns() // 1000
day = (datetime.date(2026, 10, 5) - datetime.date(1970, 1, 1)).days
extract = {"extractId": f"{organisation}-{now}", "organisation": organisation, "source": "SOURCE_GP",
           "period": "2026-10", "submittedAt": str(now), "specification": "1"}
records = [
    {"patientRef": "P1", "nhsNumber": "9990000018", "dateOfBirth": "1950-04-03", "sex": "2", "postcode": "LX1 1AA",
     "registeredFrom": "2001-01-01", "entries": [{"system": "CODE_SYSTEM_SNOMED", "code": "195967001", "day": day}]},
    {"patientRef": "P2", "nhsNumber": "9990000026", "dateOfBirth": "1971-12-31", "sex": "1", "postcode": "LX2 2BB",
     "registeredFrom": "2010-06-01", "entries": [{"system": "CODE_SYSTEM_READ2", "code": "C10F.", "day": day}]}]
manifest = extract | {"expectedRecords": len(records), "expectedEntries": str(sum(len(r["entries"]) for r in records))}
kafka = {"bootstrap.servers": os.environ["CAREDATA_KAFKA_BOOTSTRAP_SERVERS"]}
producer = Producer(kafka | {"enable.idempotence": True, "acks": "all"})
def send(key, content):
    producer.produce("caredata.extracts", json.dumps(content), key, headers={"content-type": "application/json"})
send(extract["extractId"], {"manifest": manifest | {"state": "STATE_OPENED"}})
for sequence, record in enumerate(records, 1):
    key = hashlib.sha256(f"{organisation}/{record['patientRef']}".encode()).digest()[:16]
    send(key, {"record": extract | record | {"sequence": sequence}})
send(extract["extractId"], {"manifest": manifest | {"state": "STATE_CLOSED"}})
if producer.flush(30) > 0: sys.exit("the broker did not take everything")
receipts = Consumer(kafka | {"group.id": extract["extractId"], "enable.auto.commit": False})
partitions = receipts.list_topics("caredata.receipts", 30).topics["caredata.receipts"].partitions
receipts.assign([TopicPartition("caredata.receipts", number, OFFSET_BEGINNING) for number in partitions])
for deadline in iter(lambda end=time.monotonic() + 120: time.monotonic() > end, True):
    message = receipts.poll(1)
    if message and not message.error() and message.key() == extract["extractId"].encode():
        print(message.value().decode())
        sys.exit(0 if json.loads(message.value())["status"] == "STATUS_ADMITTED" else 2)
sys.exit("no receipt within 120 s")
