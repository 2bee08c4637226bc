-- The talk's demo: `kshell --demo --tour` types it statement by
-- statement, `kshell --demo -f tour.sql` runs it. LIMIT ends what
-- would go on for ever.

-- Which topics are there? Each is a table; nothing is declared.
SHOW TOPICS;

-- What is in one of them: its records, as they arrive.
PRINT reviews LIMIT 3;

-- Exploration: SQL over all that is there now, nested JSON too.
SELECT address->city AS city, COUNT(*) AS orders,
       ROUND(SUM(total)) AS total
FROM orders GROUP BY 1 ORDER BY total DESC;

-- With EMIT CHANGES the answer goes on, as records arrive.
SELECT userid, pageid FROM pageviews EMIT CHANGES LIMIT 80;

-- A stream has types of its own: each record is an event.
CREATE STREAM views (userid VARCHAR KEY, pageid VARCHAR)
  WITH (KAFKA_TOPIC='pageviews', VALUE_FORMAT='JSON');

-- A table is the last record of each key.
CREATE TABLE people
  (id VARCHAR PRIMARY KEY, regionid VARCHAR, gender VARCHAR)
  WITH (KAFKA_TOPIC='users', VALUE_FORMAT='JSON');

-- Enrichment: each view with its user's region, into a topic.
CREATE STREAM enriched AS
  SELECT v.userid AS userid, v.pageid, p.regionid, p.gender
  FROM views v LEFT JOIN people p ON v.userid = p.id EMIT CHANGES;

-- Windowed counts: views by region and gender, every half minute anew.
SELECT regionid, gender, WINDOWSTART, COUNT(*) AS views
FROM enriched WINDOW TUMBLING (SIZE 30 SECONDS)
GROUP BY regionid, gender EMIT CHANGES LIMIT 140;

-- Anomalies: who opens more than 15 pages in ten seconds?
SELECT userid, COUNT(*) AS views,
       TIMESTAMPTOSTRING(WINDOWSTART, 'HH:mm:ss') AS since
FROM enriched WINDOW TUMBLING (SIZE 10 SECONDS)
GROUP BY userid HAVING COUNT(*) > 15 EMIT CHANGES LIMIT 20;

-- An alert: complaints, into a topic that others can listen to.
CREATE STREAM complaints AS
  SELECT userid, stars, text FROM reviews
  WHERE stars = 1 EMIT CHANGES;

-- This is what they hear.
PRINT complaints LIMIT 3;

-- Word count: EXPLODE makes a row of each word of a review,
CREATE STREAM words AS
  SELECT EXPLODE(SPLIT(LCASE(text), ' ')) AS word FROM reviews
  EMIT CHANGES;

-- and these are counted.
SELECT word, COUNT(*) AS n FROM words GROUP BY word
EMIT CHANGES LIMIT 140;

-- Three queries still run: end them.
TERMINATE ALL;
