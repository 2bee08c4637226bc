-- Page views of half a minute, kept in the topic page_counts; run by the Dockerfile and the unit here.
SET 'auto.offset.reset'='earliest';
CREATE STREAM pageviews (userid STRING, pageid STRING)
  WITH (kafka_topic='pageviews', value_format='JSON');
CREATE TABLE page_counts WITH (kafka_topic='page_counts') AS
  SELECT pageid, COUNT(*) AS views
  FROM pageviews WINDOW TUMBLING (SIZE 30 SECONDS)
  GROUP BY pageid EMIT CHANGES;
