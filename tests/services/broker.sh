# kafka, or where that is not to be had mock, of which HTA_BROKER_KIND=mock tells.

svc_broker_is() { [ "$(svc_kafka_kind 2>/dev/null)" = mock ] && echo mock || echo kafka; }
