metadata description = 'Rights in Redis by key family. A preview of the service: https://learn.microsoft.com/azure/redis/configure-access-permissions'

param redisName string
param databaseName string
param workersPrincipalId string
param botPrincipalId string

// From workers/store/users/access.py; a test compares.
var botMay = '-@all +hello +auth +ping +asking +readonly +command +client|setinfo +client|setname +client|id +cluster|slots +cluster|shards +time +info +wait +evalsha +eval +hget +hset +pexpire +persist +pttl +exists +zadd +zrem +sadd +srem +smembers +lrange +hgetall +hkeys +hdel +zrange +zremrangebyscore +zremrangebyrank +xadd +xrange +get +set +getdel +hmget +hscan +zscan +zcard +hsetnx ~sg:{p?}:* ~sg:{p?}:doc:* ~sg:{p?}:card:* ~sg:{p?}:vm:* ~sg:{p?}:due ~sg:{p?}:unshown ~sg:{p?}:standing ~sg:{p?}:exchanges:* ~sg:{p?}:said:* ~sg:{p?}:past:* %R~sg:{caller:*}:past ~sg:{p?}:audit ~sg:{p?}:audit:head ~sg:{p?}:once:* ~sg:{p?}:scheduled:* %R~sg:{inventory}:* ~sg:{channels}:of:* ~sg:{processes} ~sg:{burst:*} ~sg:{noted:*}'
var workersMay = '-@all +hello +auth +ping +asking +readonly +command +client|setinfo +client|setname +client|id +cluster|slots +cluster|shards +time +info +wait +evalsha +eval +hget +hset +pexpire +persist +pttl +exists +zadd +zrem +zrange +zrangebyscore +sadd +srem +smembers +rpush +ltrim +lrange +hgetall +zremrangebyscore +zremrangebyrank +zscore +zcard +xadd +xrange +xrevrange +xtrim +xinfo|stream +get +set +getdel +hmget +hscan +zscan +hdel +hkeys ~sg:{p?}:* ~sg:{p?}:doc:* ~sg:{p?}:vm:* ~sg:{p?}:card:* ~sg:{p?}:due ~sg:{p?}:unshown ~sg:{p?}:standing ~sg:{p?}:exchanges:* %R~sg:{p?}:said:* ~sg:{p?}:past:* ~sg:{caller:*}:past ~sg:{p?}:turns ~sg:{p?}:audit ~sg:{p?}:audit:head ~sg:{p?}:once:* ~sg:{p?}:scheduled:* ~sg:{inventory}:* ~sg:{processes} ~sg:{leases}:* ~sg:{cursors}:*'

resource cluster 'Microsoft.Cache/redisEnterprise@2025-07-01' existing = {
  name: redisName
}

resource database 'Microsoft.Cache/redisEnterprise/databases@2025-07-01' existing = {
  parent: cluster
  name: databaseName
}

resource workers 'Microsoft.Cache/redisEnterprise/databases/accessPolicyAssignments@2026-05-01-preview' = {
  parent: database
  name: 'workers'
  properties: {
    accessPolicyName: 'default'
    accessString: workersMay
    user: {
      objectId: workersPrincipalId
    }
  }
}

// One change at a time: the service refuses a second one while the first is under way.
resource bot 'Microsoft.Cache/redisEnterprise/databases/accessPolicyAssignments@2026-05-01-preview' = {
  parent: database
  name: 'bot'
  properties: {
    accessPolicyName: 'default'
    accessString: botMay
    user: {
      objectId: botPrincipalId
    }
  }
  dependsOn: [
    workers
  ]
}
