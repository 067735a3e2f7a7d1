"""Subscription and Notification documents, held against envoy-schema."""

from __future__ import annotations

from envoy_schema.server.schema.sep2 import pub_sub
from envoy_schema.server.schema.sep2.metering import Reading as TheirReading
from envoy_schema.server.schema.sep2.types import DateTimeIntervalType

from metering.documents import Reading, TimePeriod
from metering.sep.subscription import read_notification, write_subscription
from tests.support.metering_documents import QUARTER, START
from tests.support.utility_server import notification

RESOURCE = "/upt/1/mr/2/rs?a=1&b=2"


def test_their_model_reads_our_subscription() -> None:
    raw = write_subscription(resource=RESOURCE, notification_uri="https://ours.example/n/<&>")
    theirs = pub_sub.Subscription.from_xml(raw)
    assert (theirs.subscribedResource, theirs.notificationURI) == (RESOURCE, "https://ours.example/n/<&>")
    assert (theirs.encoding, theirs.level, theirs.limit) == (pub_sub.SubscriptionEncoding.XML, "+S1", 255)


def test_we_read_the_notification_that_their_model_writes() -> None:
    reading = TheirReading(
        value=345,
        timePeriod=DateTimeIntervalType(start=START, duration=QUARTER),
        qualityFlags="01",
        localID="00",
    )
    theirs = pub_sub.Notification.model_validate(
        {
            "subscribedResource": RESOURCE,
            "subscriptionURI": "/sub/1",
            "status": 4,
            "resource": {
                "type": pub_sub.XSI_TYPE_READING_LIST,
                "href": RESOURCE,
                "all_": 1,
                "results": 1,
                "Readings": [reading],
            },
        }
    )
    raw = theirs.to_xml(skip_empty=False, exclude_none=True, exclude_unset=True)
    assert isinstance(raw, bytes)
    ours = read_notification(raw)
    assert (ours.subscribed_resource, ours.status, ours.resource_type) == (RESOURCE, 4, "ReadingList")
    assert ours.readings == (
        Reading(
            value=345, time_period=TimePeriod(start=START, duration=QUARTER), quality_flags=1, local_id=0
        ),
    )


def test_what_comes_along_and_is_no_reading_is_left_alone() -> None:
    ours = read_notification(notification(RESOURCE.replace("&", "&amp;"), status=0, readings=[], kind="Time"))
    assert (ours.resource_type, ours.readings) == ("Time", ())
