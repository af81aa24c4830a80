"""A user of a moto server that was started with INITIAL_NO_AUTH_ACTION_COUNT=3: s3_moto.py ENDPOINT BUCKET. Its three calls are free, all later ones have to be
signed by the keys that it prints, as lines of export. Makes the bucket."""
import json
import sys

import boto3

endpoint, bucket = sys.argv[1:]
anybody = {"endpoint_url": endpoint, "region_name": "us-east-1", "aws_access_key_id": "x", "aws_secret_access_key": "x"}
iam = boto3.client("iam", **anybody)
iam.create_user(UserName="hta")
key = iam.create_access_key(UserName="hta")["AccessKey"]
policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}
iam.put_user_policy(UserName="hta", PolicyName="all", PolicyDocument=json.dumps(policy))
mine = {**anybody, "aws_access_key_id": key["AccessKeyId"], "aws_secret_access_key": key["SecretAccessKey"]}
boto3.client("s3", **mine).create_bucket(Bucket=bucket)
print(f"export AWS_ACCESS_KEY_ID={key['AccessKeyId']} AWS_SECRET_ACCESS_KEY={key['SecretAccessKey']} AWS_ENDPOINT_URL={endpoint}")
