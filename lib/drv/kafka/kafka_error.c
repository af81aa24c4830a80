#include "drv/kafka/kafka_error.h"

int kafka_failed(struct err *err, rd_kafka_resp_err_t code, const char *say)
{
	int exit_code = EX_TEMPFAIL;

	switch (code) {
	case RD_KAFKA_RESP_ERR__AUTHENTICATION:
	case RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED:
	case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
	case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
	case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
	case RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED:
	case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
	case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
	case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
	case RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION: /* an illegal name */
	case RD_KAFKA_RESP_ERR_INVALID_GROUP_ID:
	case RD_KAFKA_RESP_ERR_INCONSISTENT_GROUP_PROTOCOL:
	case RD_KAFKA_RESP_ERR_UNSUPPORTED_SASL_MECHANISM:
	case RD_KAFKA_RESP_ERR_ILLEGAL_SASL_STATE:
	case RD_KAFKA_RESP_ERR_SECURITY_DISABLED:
	case RD_KAFKA_RESP_ERR_UNSUPPORTED_VERSION:
	case RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE:
	case RD_KAFKA_RESP_ERR_INVALID_SESSION_TIMEOUT:
	case RD_KAFKA_RESP_ERR__INVALID_ARG:
		exit_code = EX_CONFIG;
		break;
	default:
		break;
	}
	return err_set(err, exit_code, "kafka: %s", say ? say : rd_kafka_err2str(code));
}

int kafka_no_right(struct err *err, rd_kafka_resp_err_t code, const char *what, const char *name,
		   const char *may)
{
	return err_set(err, EX_CONFIG, "%s %s may not be %s: %s", what, name, may,
		       rd_kafka_err2str(code));
}

bool kafka_temporary(rd_kafka_resp_err_t code)
{
	struct err e;

	kafka_failed(&e, code, "");
	return e.code == EX_TEMPFAIL;
}

bool kafka_unknown(rd_kafka_resp_err_t code)
{
	return code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART ||
	       code == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC ||
	       code == RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION;
}
