import boto3

s3 = boto3.client("s3")


async def upload(bucket, key, body):
    s3.put_object(Bucket=bucket, Key=key, Body=body)  # expect: LW105
